// Bundles the client, and copies what has its one source elsewhere in the repository.
import { copyFileSync, mkdirSync } from "node:fs";
import { build } from "esbuild";

mkdirSync("syntaxes", { recursive: true });
copyFileSync("../../grammar/rwd.tmLanguage.json", "syntaxes/rwd.tmLanguage.json");
copyFileSync("../../LICENSE", "LICENSE");

await build({
  entryPoints: ["src/extension.js"],
  outfile: "dist/extension.js",
  bundle: true,
  minify: true,
  platform: "node",
  format: "cjs",
  target: "node18",
  external: ["vscode"],
});
