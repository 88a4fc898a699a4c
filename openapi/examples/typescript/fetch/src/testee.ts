import { testee } from "../../common/testee.js";
import { createCopilot } from "./copilot.js";

await testee(createCopilot);
