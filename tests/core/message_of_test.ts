import { assertEquals } from "@std/assert";
import { messageOf } from "../../src/core/message_of.ts";

Deno.test("messageOf() gives an error's message without its name, and anything else as text", () => {
  const thrown = [new TypeError("not a number"), new Error(""), "given up", 7, undefined, null];
  assertEquals(thrown.map(messageOf), ["not a number", "", "given up", "7", "undefined", "null"]);
});
