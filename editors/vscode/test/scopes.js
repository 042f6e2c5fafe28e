// Tokenizes texts as the editor does, and says the scopes of given places.
//
// Standard input, as JSON: [{"text": …, "places": [[line, column], …]}, …], both from 0.
// Standard output: for each text the innermost scope of each place.
"use strict";

const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { INITIAL, Registry, parseRawGrammar } = require("vscode-textmate");
const oniguruma = require("vscode-oniguruma");

const GRAMMAR = join(__dirname, "..", "..", "..", "grammar", "rwd.tmLanguage.json");

async function grammar() {
  await oniguruma.loadWASM(readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm")).buffer);
  const registry = new Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async () => parseRawGrammar(readFileSync(GRAMMAR, "utf8"), GRAMMAR),
  });
  return registry.loadGrammar("source.rwd");
}

/** For each line of a text its tokens, each with begin, end and scopes. */
function tokenized(language, text) {
  let state = INITIAL;
  return text.split("\n").map((line) => {
    const { tokens, ruleStack } = language.tokenizeLine(line, state);
    state = ruleStack;
    return tokens;
  });
}

async function main() {
  const language = await grammar();
  const answers = JSON.parse(readFileSync(0, "utf8")).map(({ text, places }) => {
    const lines = tokenized(language, text);
    return places.map(([line, column]) => {
      const token = lines[line].find((t) => t.startIndex <= column && column < t.endIndex);
      return token.scopes.at(-1);
    });
  });
  process.stdout.write(JSON.stringify(answers));
}

main();
