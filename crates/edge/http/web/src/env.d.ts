// What the build makes of a picture that is imported: its address.
declare module "*.svg" {
  const address: string;
  export default address;
}
