import type { HookswitchPhone } from "../phone/element.js";
import type { Told } from "../phone/told.js";

/** Listens to an element. */
export function listen(phone: HookswitchPhone, hear: (told: Told) => void): () => void {
  const listener = (event: Event) => hear((event as CustomEvent<Told>).detail);
  phone.addEventListener("hookswitch", listener);
  return () => phone.removeEventListener("hookswitch", listener);
}
