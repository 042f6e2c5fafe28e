// Beside a JavaScript program: runs it, then answers calls of its functions, as program.py does.
// Values are written as wire.py writes them; what has no counterpart in Python is an opaque handle.
"use strict";
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const MOST_ITEMS = 1000000;
const MAX_DEPTH = 100;
const input = Number(process.env.REWARDKIT_IN);
const output = Number(process.env.REWARDKIT_OUT);
delete process.env.REWARDKIT_IN;
delete process.env.REWARDKIT_OUT;

function read(size) {
  const data = Buffer.alloc(size);
  for (let at = 0; at < size; ) {
    const got = fs.readSync(input, data, at, size - at, null);
    if (got === 0) process.exit(0);
    at += got;
  }
  return data;
}

function write(data) {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(data.length);
  const message = Buffer.concat([size, data]);
  for (let at = 0; at < message.length; ) at += fs.writeSync(output, message, at);
}

function pack(value, room = MAX_DEPTH) {
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "bigint") return ["i", value.toString(16)];
  if (typeof value === "number") {
    if (Number.isNaN(value)) return ["f", "nan"];
    return Number.isFinite(value) ? value : ["f", value > 0 ? "inf" : "-inf"];
  }
  if (room === 0) throw new RangeError(`a value is nested deeper than ${MAX_DEPTH} levels`);
  const items = (some) => Array.from(some, (item) => pack(item, room - 1));
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return ["l", ...items(value)];
  if (value instanceof Set) return ["s", ...items(value)];
  if (value instanceof Map) return ["d", ...items([...value].flat())];
  if (typeof value === "object" && typeof value.next === "function") return ["l", ...items(taken(value))];
  if (typeof value === "object") return ["d", ...items(Object.entries(value).flat())];
  return ["h", 0, typeof value, []];
}

function* taken(iterator) {
  for (let i = 0; i < MOST_ITEMS; i++) {
    const { value, done } = iterator.next();
    if (done) return;
    yield value;
  }
}

function unpack(node) {
  if (!Array.isArray(node)) return node;
  const [tag, ...parts] = node;
  if (tag === "i") return parts[0][0] === "-" ? -BigInt("0x" + parts[0].slice(1)) : BigInt("0x" + parts[0]);
  if (tag === "f") return Number(parts[0].replace("inf", "Infinity"));
  if (tag === "l" || tag === "t") return parts.map(unpack);
  if (tag === "s" || tag === "z") return new Set(parts.map(unpack));
  if (tag === "d") {
    const items = parts.map(unpack);
    const pairs = items.flatMap((key, i) => (i % 2 ? [] : [[key, items[i + 1]]]));
    return pairs.every(([key]) => typeof key === "string") ? Object.fromEntries(pairs) : new Map(pairs);
  }
  throw new TypeError(`a value with the tag ${tag} has no counterpart in JavaScript`);
}

function named(name) {
  if (!/^[\w$]+(\.[\w$]+)*$/.test(name)) throw new ReferenceError(name);
  const [first, ...rest] = name.split(".");
  const own = module.exports[first];
  let found = own !== undefined ? own : vm.runInThisContext(first);
  for (const part of rest) {
    const holder = found.prototype && part in found.prototype ? new found() : found;
    found = holder[part].bind(holder);
  }
  return found;
}

async function answer(message) {
  if (message.do === "load") {
    const source = fs.readFileSync(path.join(__dirname, "solution.js"), "utf8");
    Object.assign(globalThis, { require, module, exports: module.exports });
    vm.runInThisContext(source, { filename: "solution.js" });
    return { value: null };
  }
  if (message.do !== "call") throw new TypeError(`nothing is known of ${message.do}`);
  const given = message.args.map(unpack);
  const keywords = Object.values(message.kwargs || {}).map(unpack);
  return { value: pack(await named(message.of)(...given, ...keywords)) };
}

async function main() {
  const nothing = fs.createWriteStream("/dev/null");
  process.stdout.write = process.stderr.write = nothing.write.bind(nothing);
  for (;;) {
    const frame = read(read(4).readUInt32BE());
    let reply;
    try {
      reply = await answer(JSON.parse(frame.subarray(32).toString()));
    } catch (error) {
      reply = { raise: [String((error && error.name) || "Error")], args: [String(error)] };
    }
    write(Buffer.concat([frame.subarray(0, 32), Buffer.from(JSON.stringify(reply))]));
  }
}

main();
