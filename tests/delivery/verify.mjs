// Verifies deliveries with `standardwebhooks`. Standard input: one JSON object a line, {"secret", "headers", "body"};
// standard output: "ok" or the refusal, a line each.
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    new Webhook(secret).verify(body, headers);
    console.log("ok");
  } catch (error) {
    console.log(`refused: ${error.message}`);
  }
}
