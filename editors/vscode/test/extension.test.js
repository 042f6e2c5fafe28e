// The client against a stand-in for the editor: what it starts, what it says, what it sends on.
"use strict";

const assert = require("node:assert/strict");
const { chmodSync, mkdtempSync, writeFileSync } = require("node:fs");
const Module = require("node:module");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { afterEach, beforeEach, test } = require("node:test");

let settings, said, shown, clients, commands, opened, answer, python, extension;

const disposable = { dispose() {} };
const editor = {
  ProgressLocation: { Window: 10 },
  window: {
    createOutputChannel: () => ({ ...disposable, appendLine: (line) => said.push(line), show: () => shown++ }),
    showErrorMessage: async (message, ...choices) => {
      said.push(message);
      const chosen = answer;
      answer = undefined;
      return choices.includes(chosen) ? chosen : undefined;
    },
    withProgress: (_, work) => work(),
  },
  extensions: { getExtension: (name) => (name === "ms-python.python" ? python : undefined) },
  workspace: {
    isTrusted: true,
    workspaceFolders: [{ uri: { fsPath: "/somewhere" } }],
    getConfiguration: () => ({ get: (name) => settings[name] }),
    onDidChangeConfiguration: () => disposable,
    onDidGrantWorkspaceTrust: () => disposable,
  },
  commands: {
    registerCommand: (name, work) => ((commands[name] = work), disposable),
    executeCommand: async (...words) => opened.push(words),
  },
};

class LanguageClient {
  constructor(id, name, server, options) {
    Object.assign(this, { id, name, server, options, running: false });
    clients.push(this);
  }
  async start() {
    this.running = true;
  }
  async stop() {
    this.running = false;
  }
}

const load = Module._load;
const standIns = { vscode: editor, "vscode-languageclient/node": { LanguageClient, TransportKind: { stdio: 0 } } };

beforeEach(() => {
  [settings, said, shown, clients, commands, opened] = [{}, [], 0, [], {}, []];
  [answer, python] = [undefined, undefined];
  editor.workspace.isTrusted = true;
  Module._load = (name, ...rest) => standIns[name] ?? load(name, ...rest);
  delete require.cache[require.resolve("../src/extension.js")];
  extension = require("../src/extension.js");
});
afterEach(() => {
  Module._load = load;
});

/** A command that answers `--version`, in a folder of its own. */
function command() {
  const folder = mkdtempSync(join(tmpdir(), "rewardkit-"));
  const path = join(folder, "rewardkit");
  writeFileSync(path, '#!/bin/sh\n[ "$1" = --version ] && echo "rewardkit 0"\n');
  chmodSync(path, 0o755);
  return { folder, path };
}

test("starts the language server over stdio", async () => {
  settings.command = command().path;
  await extension.activate({ subscriptions: [] });
  assert.equal(clients.length, 1);
  assert.deepEqual(clients[0].server.run, { command: settings.command, args: ["lsp"], transport: 0 });
  assert.ok(clients[0].running);
  assert.deepEqual(said, []);
  await extension.deactivate();
  assert.ok(!clients[0].running);
});

test("writes the folder of the workspace out", async () => {
  const { folder } = command();
  editor.workspace.workspaceFolders[0].uri.fsPath = folder;
  settings.command = "${workspaceFolder}/rewardkit";
  await extension.activate({ subscriptions: [] });
  assert.equal(clients[0].server.run.command, join(folder, "rewardkit"));
});

test("takes the command of the chosen Python environment, in a workspace that is trusted", async () => {
  const { folder, path } = command();
  const environments = { getActiveEnvironmentPath: () => ({ path: join(folder, "python") }) };
  python = { isActive: false, activate: async () => ({ environments }) };
  await extension.activate({ subscriptions: [] });
  assert.equal(clients[0].server.run.command, path);
  editor.workspace.isTrusted = false;
  await commands["rewardkit.restart"]();
  assert.ok(!clients.some((client) => client.running && client.server.run.command === path));
});

test("a Python extension without environments is no obstacle", async () => {
  python = { isActive: true, exports: {} };
  settings.command = command().path;
  await extension.activate({ subscriptions: [] });
  assert.ok(clients[0].running);
  settings.command = undefined;
  await commands["rewardkit.restart"]();
  assert.ok(said.some((line) => line.startsWith("the Python extension does not say")));
});

test("says what to do where the command is missing, and tries again", async () => {
  settings.command = "/nowhere/rewardkit";
  answer = "Open settings";
  await extension.activate({ subscriptions: [] });
  assert.equal(clients.length, 0);
  assert.match(said.at(-1), /there is no command `\/nowhere\/rewardkit`; install it with `pip install "rewardkit\[lsp\]"`/);
  await new Promise(setImmediate);
  assert.deepEqual(opened, [["workbench.action.openSettings", "rewardkit.command"]]);
  settings.command = command().path;
  await commands["rewardkit.restart"]();
  assert.ok(clients[0].running);
});

test("restarts one after the other", async () => {
  settings.command = command().path;
  await extension.activate({ subscriptions: [] });
  await Promise.all([commands["rewardkit.restart"](), commands["rewardkit.restart"]()]);
  assert.deepEqual(clients.map((client) => client.running), [false, false, true]);
});

test("says where a server does not start", async (t) => {
  settings.command = command().path;
  t.mock.method(LanguageClient.prototype, "start", async () => {
    throw new Error("no `lsp` here");
  });
  await extension.activate({ subscriptions: [] });
  assert.match(said.at(-1), /lsp` did not start: no `lsp` here/);
  await extension.deactivate();
});

test("sends the commands of lenses on, and shows what they answer", async () => {
  settings.command = command().path;
  await extension.activate({ subscriptions: [] });
  const send = clients[0].options.middleware.executeCommand;
  const sent = [];
  const next = async (...words) => (sent.push(words), "1 passed");
  assert.equal(await send("rewardkit.runTest", ["file:///a.rwd", "a"], next), "1 passed");
  assert.equal(await send("other", [], next), "1 passed");
  assert.deepEqual(sent, [["rewardkit.runTest", ["file:///a.rwd", "a"]], ["other", []]]);
  assert.deepEqual(said, ["1 passed"]);
  assert.equal(shown, 1);
});
