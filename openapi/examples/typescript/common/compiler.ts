// For `cargo xtask polyglot`: says of each body that is asked about, as JSON lines on standard input, whether the compiler
// refuses it, and as which type of event it is read. The argument is the file that exports the generated types.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import ts from "typescript";

interface Question {
  events?: string[];
  change?: string;
}

const [, , types = ""] = process.argv;
const questions = readFileSync(0, "utf8").trimEnd().split("\n");
const file = join(dirname(types), "judged", "judged.ts");
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, source(questions.map((line) => JSON.parse(line) as Question)));

const { config } = ts.readConfigFile("tsconfig.json", (path) => ts.sys.readFile(path)) as { config: unknown };
const { options, projectReferences = [] } = ts.parseJsonConfigFileContent(config, ts.sys, ".");
const program = ts.createProgram({ rootNames: [file], options, projectReferences });
const checker = program.getTypeChecker();
const judged = program.getSourceFile(file);
if (judged === undefined) {
  throw new Error(`the compiler did not read ${file}`);
}
const diagnostics = [...program.getSyntacticDiagnostics(judged), ...program.getSemanticDiagnostics(judged)];
const refused = new Set(diagnostics.map(({ start }) => judged.getLineAndCharacterOfPosition(start ?? 0).line));
for (const [at, line] of judged.statements.filter(ts.isExpressionStatement).entries()) {
  // The first line of the file is the import.
  const said = refused.has(at + 1) ? { refused: "types" } : { read_as: nameOf(checker.getTypeAtLocation(line.expression)) };
  console.log(JSON.stringify(said));
}

/** One constant on each line, and its name, the type of which is what the compiler narrows it to. */
function source(asked: Question[]): string {
  const lines = asked.map(({ events: [event] = [], change }, at) =>
    event === undefined
      ? `const c${String(at)}: ConsentChange = ${change ?? ""}; c${String(at)};\n`
      : `const c${String(at)}: Event = ${event}; c${String(at)};\n`,
  );
  const generated = `../${basename(types).replace(/\.ts$/, ".js")}`;
  return `import type { ConsentChange, Event } from "${generated}";\n${lines.join("")}`;
}

/** The name that a type was declared by: an alias, or a member of `components["schemas"]`. */
function nameOf(type: ts.Type): string | undefined {
  for (const part of type.isIntersection() ? type.types : [type]) {
    const parent = part.symbol.declarations?.[0]?.parent;
    const isNamed = parent !== undefined && (ts.isPropertySignature(parent) || ts.isTypeAliasDeclaration(parent));
    const name = part.aliasSymbol?.name ?? (isNamed ? parent.name.getText() : undefined);
    if (name !== undefined) {
      return name;
    }
  }
  return undefined;
}
