// Lets the TypeScript compiler judge. Each body becomes a constant of the generated type, in a file of its own for each
// file of the vectors; the bodies that compile are then imported from what the compiler wrote, with their type.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import ts from "typescript";

import type { ConsentChange, CopilotEvent } from "../src/copilot.js";
import { VARIANTS } from "./contract.js";
import type { Case } from "./vectors.js";

const FOLDER = "generated/judged";
const WRONG_FIELD = "wrong-field/wrong-field.ts";

export interface Judged {
  case: Case;
  /** Why it does not compile. */
  refusal?: string;
  /** The constant, where it compiles. */
  value?: CopilotEvent | ConsentChange;
}

export interface Verdicts {
  judged: Judged[];
  /** The name of the type to which an event narrows. The compiler proved that no type is left out. */
  readAs: (event: CopilotEvent) => string;
  /** Whether the program with a misspelt field is refused for that field. */
  refusesWrongField: boolean;
}

/** One constant on each line, so that the line of an error tells the case. */
function constants(cases: Case[]): string {
  const schema = cases[0]?.schema ?? "Event";
  const lines = cases.map(({ body }, n) => `export const c${String(n)}: ${schema} = ${body};\n`);
  return `import type { ${schema} } from "../copilot.js";\n${lines.join("")}`;
}

function narrowing(): string {
  const variants = VARIANTS.map(
    ([type, schema]) => `    case ${JSON.stringify(type)}: {
      event satisfies components["schemas"][${JSON.stringify(schema)}];
      return ${JSON.stringify(schema)};
    }\n`,
  );
  return `import type { components, Event } from "../copilot.js";

export function readAs(event: Event): string {
  switch (event.type) {
${variants.join("")}    default:
      return event satisfies never;
  }
}
`;
}

function options(): ts.CompilerOptions {
  const { config } = ts.readConfigFile("tsconfig.json", (path) => ts.sys.readFile(path)) as { config: unknown };
  const { options, errors } = ts.parseJsonConfigFileContent(config, ts.sys, ".");
  if (errors.length > 0) {
    throw new Error(ts.formatDiagnostics(errors, HOST));
  }
  // The refused bodies must not keep the others from being written.
  return { ...options, noEmitOnError: false };
}

const HOST: ts.FormatDiagnosticsHost = {
  getCanonicalFileName: (name) => name,
  getCurrentDirectory: () => process.cwd(),
  getNewLine: () => "\n",
};

/** The whole message in one line. */
function words(diagnostic: ts.Diagnostic): string {
  return ts.flattenDiagnosticMessageText(diagnostic.messageText, " ").replaceAll(/\s+/g, " ");
}

export async function compile(cases: Case[]): Promise<Verdicts> {
  const byFile = new Map<string, Case[]>();
  for (const one of cases) {
    const path = join(FOLDER, one.file.replace(/\.json$/, ".ts").replace("/", "-"));
    byFile.set(path, [...(byFile.get(path) ?? []), one]);
  }
  const switchFile = join(FOLDER, "read-as.ts");
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  for (const [path, its] of byFile) {
    writeFileSync(path, constants(its));
  }
  writeFileSync(switchFile, narrowing());

  const program = ts.createProgram([...byFile.keys(), switchFile, WRONG_FIELD], options());
  const judged: Judged[] = [];
  for (const [path, its] of byFile) {
    const refusals = refusalsOf(program, path);
    emit(program, path);
    const values = await emitted<Record<string, CopilotEvent | ConsentChange>>(path);
    its.forEach((one, n) => {
      const refusal = refusals.get(n + 1);
      const value = values[`c${String(n)}`];
      judged.push({ case: one, ...(refusal !== undefined ? { refusal } : value !== undefined ? { value } : {}) });
    });
  }

  const unproven = refusalsOf(program, switchFile);
  if (unproven.size > 0) {
    throw new Error(`the switch over all types does not compile: ${[...unproven.values()].join("; ")}`);
  }
  emit(program, switchFile);
  const { readAs } = await emitted<{ readAs: (event: CopilotEvent) => string }>(switchFile);
  const wrongField = [...refusalsOf(program, WRONG_FIELD).values()];
  return { judged, readAs, refusesWrongField: wrongField.some((refusal) => refusal.includes("utc_offest")) };
}

/** The first error of each line, from 0. */
function refusalsOf(program: ts.Program, path: string): Map<number, string> {
  const file = source(program, path);
  const refusals = new Map<number, string>();
  for (const diagnostic of [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]) {
    const line = file.getLineAndCharacterOfPosition(diagnostic.start ?? 0).line;
    if (!refusals.has(line)) {
      refusals.set(line, words(diagnostic));
    }
  }
  return refusals;
}

function source(program: ts.Program, path: string): ts.SourceFile {
  const file = program.getSourceFile(path);
  if (file === undefined) {
    throw new Error(`the compiler did not read ${path}`);
  }
  return file;
}

function emit(program: ts.Program, path: string): void {
  program.emit(source(program, path));
}

/** What the compiler made of the file. */
async function emitted<T>(path: string): Promise<T> {
  const script = resolve("dist", dirname(path), path.slice(dirname(path).length + 1).replace(/\.ts$/, ".js"));
  const module: unknown = await import(pathToFileURL(script).href);
  return module as T;
}
