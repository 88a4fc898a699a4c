// Reads a file of events with Ajv: `ajv-reader.mjs FOLDER FILE N`. FOLDER has the judge of
// openapi/examples/json-schema-javascript, which picks the variant by the event's type.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, file, events] = process.argv.slice(2);
const { contract } = await import(pathToFileURL(`${folder}/validate.mjs`).href);
const judge = contract();
const lines = readFileSync(file, "utf8").trimEnd().split("\n");

function read(events) {
  for (let at = 0; at < events; at += 1) {
    if (judge.judgeText("Event", lines[at % lines.length]).length > 0) {
      throw new Error("a valid event was refused");
    }
  }
}

// Until the engine has compiled what is hot.
read(100 * lines.length);
const start = process.cpuUsage();
read(Number(events));
const { user, system } = process.cpuUsage(start);
const peak = process.resourceUsage().maxRSS;
console.log(JSON.stringify({ cpu_ns: (user + system) * 1000, peak_kib: peak }));
