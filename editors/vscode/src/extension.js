// The client of `rewardkit lsp`: starts it over stdio, restarts it, and says what to do where it is missing.
"use strict";

const { execFile } = require("node:child_process");
const { existsSync } = require("node:fs");
const { dirname, isAbsolute, join } = require("node:path");
const vscode = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

/** What code lenses ask the server for; its answer, where it is text, goes to the output. */
const LENSES = { "rewardkit.runTest": "running the test", "rewardkit.showClaim": "deciding the claim" };

const DEFAULT = "rewardkit";

let client;
let output;

async function activate(context) {
  output = vscode.window.createOutputChannel("rewardkit");
  context.subscriptions.push(
    output,
    vscode.commands.registerCommand("rewardkit.restart", restart),
    vscode.commands.registerCommand("rewardkit.showOutput", () => output.show()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("rewardkit.command")) return restart();
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(restart),
  );
  await start();
}

async function deactivate() {
  await stop();
}

let pending = Promise.resolve();

/** One restart after the other, however often it is asked for. */
function restart() {
  pending = pending.then(stop).then(start);
  return pending;
}

async function start() {
  const command = await configured();
  const problem = await missing(command);
  if (problem) {
    await complain(command, problem);
    return;
  }
  const run = { command, args: ["lsp"], transport: TransportKind.stdio };
  client = new LanguageClient("rewardkit", "rewardkit", { run, debug: run }, {
    documentSelector: [{ scheme: "file", language: "rwd" }, { scheme: "untitled", language: "rwd" }],
    outputChannel: output,
    middleware: { executeCommand },
  });
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    await complain(command, `\`${command} lsp\` did not start: ${error.message ?? error}`);
  }
}

async function stop() {
  const stopping = client;
  client = undefined;
  if (stopping) await stopping.stop().catch(() => stopping.dispose());
}

/** The command of the settings, with `${workspaceFolder}` written out; else the one of the chosen Python
 * environment, if it has one; else the one on the search path. */
async function configured() {
  const command = vscode.workspace.getConfiguration("rewardkit").get("command")?.trim() || DEFAULT;
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  if (command !== DEFAULT) return folder ? command.replaceAll("${workspaceFolder}", folder) : command;
  return (await ofPython()) ?? DEFAULT;
}

/** The command beside the interpreter that the Python extension has chosen, in a workspace that is trusted. */
async function ofPython() {
  const python = vscode.extensions.getExtension("ms-python.python");
  if (!python || !vscode.workspace.isTrusted) return undefined;
  try {
    const { environments } = python.isActive ? python.exports : await python.activate();
    const interpreter = environments.getActiveEnvironmentPath().path;
    const command = join(dirname(interpreter), process.platform === "win32" ? "rewardkit.exe" : "rewardkit");
    return isAbsolute(interpreter) && existsSync(command) ? command : undefined;
  } catch (error) {
    output.appendLine(`the Python extension does not say which environment is chosen: ${error.message ?? error}`);
    return undefined;
  }
}

/** Why a command cannot be run, in words; nothing where it can. */
function missing(command) {
  return new Promise((resolve) => {
    execFile(command, ["--version"], { timeout: 30_000 }, (error) => {
      if (!error) resolve(undefined);
      else if (error.code === "ENOENT") resolve(`there is no command \`${command}\``);
      else if (error.code === "EACCES") resolve(`\`${command}\` may not be run`);
      else resolve(`\`${command} --version\` failed: ${error.message}`);
    });
  });
}

async function complain(command, problem) {
  const advice = "install it with `pip install \"rewardkit[lsp]\"`, or say in `rewardkit.command` where it is";
  output.appendLine(`${problem}; ${advice}`);
  // not awaited by the start: the message stays until someone answers it
  void vscode.window
    .showErrorMessage(`rewardkit: ${problem}; ${advice}.`, "Open settings", "Try again")
    .then((answer) => {
      if (answer === "Try again") return restart();
      if (answer) return vscode.commands.executeCommand("workbench.action.openSettings", "rewardkit.command");
    });
}

/** The server names its commands when it starts, and the client sends them on as `workspace/executeCommand`. */
async function executeCommand(command, args, next) {
  if (!(command in LENSES)) return next(command, args);
  const progress = { location: vscode.ProgressLocation.Window, title: `rewardkit: ${LENSES[command]}` };
  const answer = await vscode.window.withProgress(progress, () => next(command, args));
  if (typeof answer === "string" && answer) {
    output.appendLine(answer);
    output.show(true);
  }
  return answer;
}

module.exports = { activate, deactivate };
