// A receiver made of the vendor's own package: prints each event as its handlers get it, and ends after the hang-up.

import { createRequire } from "node:module";

const { createWebhookModule } = createRequire(`${process.env.PEERS}/presets/`)("sipgateio");
const port = Number(process.env.PORT);
const server = await createWebhookModule().createServer({
  port,
  hostname: "127.0.0.1",
  serverAddress: `http://127.0.0.1:${port}/`,
  skipSignatureVerification: true,
});
const tell = (handler, event) => console.log(JSON.stringify({ handler, ...event }));
server.onNewCall((event) => tell("onNewCall", event));
server.onAnswer((event) => tell("onAnswer", event));
server.onHangUp((event) => {
  tell("onHangUp", event);
  server.stop();
  server.getHttpServer().closeIdleConnections();
  setImmediate(() => process.exit(0));
});
console.log("ready");
