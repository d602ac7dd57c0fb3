// All parts that take input from outside.
import { client, zones } from "./cloud.ts";
import { commandLine, exoFile, ownFiles } from "./configuration.ts";
import { codec, wholeNode } from "./datagrams.ts";
import { metadata, pidFile, routes, textFile } from "./machine.ts";
import { names } from "./names.ts";
import type { Target } from "./target.ts";

/** Every fuzz target. */
export const TARGETS: readonly Target[] = [
  codec,
  wholeNode,
  client("v1"),
  client("v2"),
  zones,
  names,
  metadata,
  routes,
  commandLine,
  exoFile,
  ownFiles,
  pidFile,
  textFile,
];
