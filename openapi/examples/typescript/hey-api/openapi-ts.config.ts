// How the SDK and its validators are made. The resolvers mend what the Zod plugin makes otherwise than the contract
// says.

import { defineConfig } from "@hey-api/openapi-ts";

export default defineConfig({
  input: "../../../copilot.yaml",
  logs: { level: "warn" },
  output: { path: "generated", clean: true, module: { extension: ".js" } },
  plugins: [
    { name: "@hey-api/client-fetch" },
    { name: "@hey-api/typescript" },
    {
      name: "zod",
      // The name with ~ is the generator's own and may change with any version; the vectors would show it.
      "~resolvers": {
        // A format of int64 would become z.coerce.bigint(), which takes text and true for numbers.
        number(ctx) {
          ctx.schema = withoutFormat(ctx.schema);
          return undefined;
        },
        // By default an object with properties takes any others, unjudged.
        object(ctx) {
          const { $, nodes, plugin, schema } = ctx;
          const { z } = plugin.imports;
          if (schema.additionalProperties === undefined || schema.properties === undefined) {
            return undefined;
          }
          if (schema.additionalProperties === false || schema.additionalProperties.type === "never") {
            return $(z).attr("strictObject").call(nodes.shape(ctx));
          }
          const others = nodes.additionalProperties({ ...ctx, schema: { ...schema, properties: {} } });
          const named = $(z).attr("object").call(nodes.shape(ctx));
          return others ? named.attr("catchall").call(others) : named;
        },
      },
    },
    // What comes back is judged by common/answers.ts: Zod would take the text "1" for an integer.
    { name: "@hey-api/sdk", validator: { request: "zod" } },
  ],
});

function withoutFormat<Schema extends { format?: string | undefined }>(schema: Schema): Schema {
  const copy = { ...schema };
  delete copy.format;
  return copy;
}
