import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist", "generated"] },
  {
    files: ["src/**/*.ts", "conformance/**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { project: "./tsconfig.json", tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
  },
);
