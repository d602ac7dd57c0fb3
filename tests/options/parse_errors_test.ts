// Where the command line ends, what cannot be parsed, and that there are no other errors.
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "../support/fast_check.ts";
import { readValues, UsageError } from "../../src/options/parse.ts";
import { OPTIONS } from "../../src/options/all.ts";

Deno.test("readValues() stops at the first argument that is no flag", () => {
  const rows: ReadonlyArray<readonly [argv: string[], names: string[], ignored: string[]]> = [
    [["-W", "-v"], ["W", "v"], []],
    [["-W", "stray", "-v"], ["W"], ["stray", "-v"]],
    [["-W", "-", "-v"], ["W"], ["-", "-v"]],
    [["-W", "--", "-v"], ["W"], ["-v"]],
    [["-W", "", "-v"], ["W"], ["", "-v"]],
    [["-W", "false", "-nonsense"], ["W"], ["false", "-nonsense"]],
  ];
  for (const [argv, names, ignored] of rows) {
    const values = readValues(argv, {});
    assertEquals([[...values.given.keys()], values.ignored], [names, ignored]);
  }
});

Deno.test("readValues() throws a UsageError that names the flag or variable", () => {
  const rows: ReadonlyArray<readonly [argv: string[], env: Record<string, string>, text: string]> =
    [
      [["-nonsense"], {}, "unknown option -nonsense"],
      [["--constructor=SECRET"], {}, "unknown option --constructor"],
      [["-w"], {}, "unknown option -w"],
      [["-W", "-xi"], {}, "-xi needs a value"],
      [["--zone"], {}, "--zone needs a value"],
      [["---W"], {}, "cannot parse ---W"],
      [["-xsSECRET"], {}, "unknown option -xs..."],
      [["---xs=SECRET"], {}, "cannot parse ---xs: wanted"],
      [["-=1"], {}, "cannot parse -: wanted -name"],
      [["-W="], {}, '-W: "" is not true or false'],
      [["-v=yes"], {}, '-v: "yes" is not true or false'],
      [["-P", "ten"], {}, '-P: "ten" is not a whole number'],
      [["-P="], {}, '-P: "" is not a whole number'],
      [["-r", "2.5"], {}, '-r: "2.5" is not a whole number'],
      [["-t", "soon"], {}, '-t: "soon" is not a time'],
      [["--reconcile-interval", "1 s"], {}, '--reconcile-interval: "1 s" is not a time'],
      [[], { IF_HOST_PRIORITY: "ten" }, 'IF_HOST_PRIORITY: "ten" is not a whole number'],
      [[], { IF_DEAD_RATIO: "x" }, 'IF_DEAD_RATIO: "x" is not a whole number'],
      [[], { IF_ADVERTISEMENT_INTERVAL: "x" }, 'IF_ADVERTISEMENT_INTERVAL: "x" is not a time'],
      [[], { IF_EXCLUSIVE: "maybe" }, 'IF_EXCLUSIVE: "maybe" is not true or false'],
    ];
  for (const [argv, env, text] of rows) {
    const { message } = assertThrows(() => readValues(argv, env), UsageError, text);
    assertEquals(message.includes("SECRET"), false, message);
  }
});

Deno.test("readValues() throws nothing but a UsageError, and that with a message", () => {
  const names = OPTIONS.flatMap(({ name }) => [`-${name}`, `--${name}`, `-${name}=1`]);
  const odd = ["-", "--", "---", "-=", "--=", "-p=", "--__proto__", "-constructor=x", "toString"];
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.constantFrom("", "1", "-1"));
  const argument = fc.oneof(fc.constantFrom(...names, ...odd), text);
  const variable = fc.constantFrom(...OPTIONS.flatMap(({ variables }) => variables));
  const env = fc.dictionary(variable, text);
  fc.assert(fc.property(fc.array(argument), env, (argv, env) => {
    try {
      for (const [name, { text, source }] of readValues(argv, env).given) {
        assertEquals([typeof text, typeof source], ["string", "string"], name);
      }
    } catch (error) {
      assert(error instanceof UsageError, `${error}`);
      assertStringIncludes(error.message, " ");
    }
  }));
});
