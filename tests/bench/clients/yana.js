// Counts events with the Node library yana; prints CPU seconds and events. Arguments: port.
const Yana = require("yana");
let count = 0;
let begun = null;
const client = new Yana({ port: +process.argv[2], host: "127.0.0.1", login: "u", password: "s", events: true });
client.on("event", (event) => {
  const name = event.event || event.Event;
  if (name === "ReplayDone") {
    const used = process.cpuUsage(begun);
    console.log(`${(used.user + used.system) / 1e6} ${count}`);
    process.exit(0);
  } else if (name && name !== "FullyBooted") {
    begun ??= process.cpuUsage();
    count += 1;
  }
});
setTimeout(() => process.exit(1), 300_000);
client.connect(() => {});
