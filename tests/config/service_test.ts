// Checks, the notify command and the interface, as written.
import { assert, assertEquals } from "@std/assert";
import { readValues } from "../../src/options/parse.ts";
import { type CheckSpec, parseCheck } from "../../src/checks/spec.ts";
import { configure } from "../../src/config/config.ts";
import { splitCommand } from "../../src/host/split_command.ts";

for (
  const [text, words] of [
    ["", []],
    ["  check  -a\tb\n", ["check", "-a", "b"]],
    [`sh -c 'test -e "/run/a b"'`, ["sh", "-c", 'test -e "/run/a b"']],
    [`a "b 'c'" '' ""`, ["a", "b 'c'", "", ""]],
    [`--name="a b"c`, ["--name=a bc"]],
    [String.raw`a\ b`, ["a\\", "b"]],
    [String.raw`a\sb "\"" '\'' \\ \x41\101\u00e9 \n`, ["a b", '"', "'", "\\", "AAé", "\n"]],
    [String.raw`grep ^\d+$ \q`, ["grep", "^\\d+$", "\\q"]],
    ["echo $HOME * ~", ["echo", "$HOME", "*", "~"]],
    ["a 'b", null],
    ['a "b', null],
    [String.raw`a "b\"`, null],
    ["a\\", ["a\\"]],
  ] as ReadonlyArray<readonly [string, string[] | null]>
) {
  Deno.test(`splitWords() splits ${JSON.stringify(text)} as systemd does`, () => {
    assertEquals(splitCommand(text), words);
  });
}

/** An expected check: its title is the text itself. */
type Untitled<Spec> = Spec extends unknown ? Omit<Spec, "title"> : never;
const USUAL = [[200, 399]] as const;

for (
  const [text, spec] of [
    ["tcp://web.test:80", { kind: "tcp", hostname: "web.test", port: 80 }],
    ["tcp://192.0.2.1:65535/", { kind: "tcp", hostname: "192.0.2.1", port: 65_535 }],
    ["tcp://[2001:db8::1]:80", { kind: "tcp", hostname: "2001:db8::1", port: 80 }],
    ["http://[::1]:8080/a?b#c", {
      kind: "http",
      url: "http://[::1]:8080/a?b",
      statuses: USUAL,
      body: null,
    }],
    ["https://web.test/?status=200-204,301&x=%41&body=all%20is+well", {
      kind: "http",
      url: "https://web.test/?x=%41",
      statuses: [[200, 204], [301, 301]],
      body: "all is well",
    }],
    ["http://web.test/?status=200", {
      kind: "http",
      url: "http://web.test/",
      statuses: [[200, 200]],
      body: null,
    }],
    ["http://web.test/?status&%73tatus=1&bod%79=2&mystatus=3", {
      kind: "http",
      url: "http://web.test/?status&%73tatus=1&bod%79=2&mystatus=3",
      statuses: USUAL,
      body: null,
    }],
    ["exec:/usr/bin/check --port 80 'a b'", {
      kind: "exec",
      words: ["/usr/bin/check", "--port", "80", "a b"],
    }],
  ] as ReadonlyArray<readonly [string, Untitled<CheckSpec>]>
) {
  Deno.test(`parseCheck() reads ${text}`, () => {
    const title = text.replace(/^(exec:\S+) .*$/, "$1 ...");
    assertEquals(parseCheck(text), { spec: { title, ...spec } });
  });
}

for (
  const [text, problem] of [
    ["web.test:80", "wanted tcp://HOST:PORT"],
    ["ftp://web.test", "wanted tcp://HOST:PORT"],
    ["tcp://web.test", "no port between 1 and 65535"],
    ["tcp://web.test:0", "no port between 1 and 65535"],
    ["tcp://web.test:65536", "no valid address"],
    ["tcp://:80", "no valid address"],
    ["tcp://[::1:80", "no valid address"],
    ["tcp://web.test:80/x", "more than host and port"],
    ["tcp://me@web.test:80", "more than host and port"],
    ["http://", "no valid address"],
    ["http://web.test/ http://b", "wanted tcp://HOST:PORT"],
    ["http://web.test/?status=", "no list of statuses"],
    ["http://web.test/?status=600", "no list of statuses"],
    ["http://web.test/?status=204-200", "no list of statuses"],
    ["http://web.test/?status=200&status=201", "twice"],
    ["http://web.test/?body=", "has no text"],
    ["exec:", "names no command"],
    ["exec: ''", "names no command"],
    ["exec:sh -c 'exit", "a quote does not end"],
  ] as const
) {
  Deno.test(`parseCheck() refuses ${text}: ${problem}`, () => {
    const parsed = parseCheck(text);
    assert("problem" in parsed && parsed.problem.includes(problem), JSON.stringify(parsed));
  });
}

for (
  const [text, title] of [
    ["http://me:s3cret@web.test/", "http://...@web.test/"],
    ["http:///me:s3cret@web.test/", null],
    ["https://web.test/?token=s3cret&a=1", "https://web.test/?token=...&a=1"],
    ["https://web.test/users/@all", "https://web.test/users/@all"],
    ["http://me:s3@cret@web.test/?status=x", null],
    ["http://me:p/s3cret@web.test/", null],
    ["tcp://me:s3cret@web.test:80", null],
    ["http:\\\\me:s3cret@web.test", null],
    ["me:s3cret@web.test", null],
    ["exec:check --password s3cret", "exec:check ..."],
    ["exec:mysql -ps3cret", "exec:mysql ..."],
    ["exec:check 's3cret", null],
    ["exec:/usr/bin/check", "exec:/usr/bin/check"],
    ["http://web.test/\u202egpj\u0085", "http://web.test/ gpj "],
  ] as const
) {
  Deno.test(`parseCheck() shows no password of ${JSON.stringify(text)}`, () => {
    const parsed = parseCheck(text);
    const shown = "spec" in parsed ? parsed.spec.title : parsed.problem;
    assert(!/s3|cret/.test(shown), shown);
    if (title !== null) assertEquals(shown, title);
  });
}

const WATCH = "-W -xi 198.51.100.50 -p 192.0.2.2 -xk EXOkey -xs secret".split(" ");

function configOf(argv: readonly string[], env: Record<string, string> = {}) {
  return configure(readValues([...WATCH, ...argv], env), {});
}

Deno.test("each --check is one, and IF_CHECK has one behind each blank that a scheme follows", () => {
  const titles = (argv: string[], env = {}) => {
    const config = configOf(argv, env);
    return "problems" in config ? config.problems : config.checks.map(({ title }) => title);
  };
  const exec = "exec:curl -f http://127.0.0.1/";
  assertEquals(titles(["--check", exec, "--check=tcp://a:1"]), ["exec:curl ...", "tcp://a:1"]);
  const variable = "tcp://a:1  exec:sh -c 'exit 0'\n https://b/ exec:curl 'http://127.0.0.1/'";
  assertEquals(titles([], { IF_CHECK: variable }), [
    "tcp://a:1",
    "exec:sh ...",
    "https://b/",
    "exec:curl ...",
  ]);
  const alike = ["--check", "exec:sh -c one", "--check", "exec:sh -c two", "--check", "exec:sh"];
  assertEquals(titles(alike), ["exec:sh ...", "exec:sh ... (2)", "exec:sh"]);
  assertEquals(titles(["--check", "tcp://c:1"], { IF_CHECK: variable }), ["tcp://c:1"]);
});

Deno.test("configure() names flag and variable of what is wrong about the service", () => {
  const rows = [
    [["--check", "tcp://a:1", "--check", "b"], "--check (IF_CHECK): "],
    [["--check", "tcp://a:1", "--check", "tcp://a:1"], "--check (IF_CHECK): "],
    [["--check-interval", "50ms"], "--check-interval (IF_CHECK_INTERVAL): 50ms is not between"],
    [["--check-timeout", "2m"], "--check-timeout (IF_CHECK_TIMEOUT): 2m is not between"],
    [["--check-rise", "0"], "--check-rise (IF_CHECK_RISE): 0 is not between"],
    [["--check-fall", "1001"], "--check-fall (IF_CHECK_FALL): 1001 is not between"],
    [["--notify", "sh 'x"], "--notify (IF_NOTIFY): "],
    [["--notify", " "], "--notify (IF_NOTIFY): "],
    [["--notify-timeout", "0"], "--notify-timeout (IF_NOTIFY_TIMEOUT): 0 is not between"],
    [["--address-on", "lo; reboot"], "--address-on (IF_ADDRESS_ON): "],
    [["--address-on", "-x"], "--address-on (IF_ADDRESS_ON): "],
  ] as const;
  for (const [argv, problem] of rows) {
    const config = configOf(argv);
    assert("problems" in config, argv.join(" "));
    assertEquals(config.problems.length, 1, config.problems.join("; "));
    assert(config.problems[0]?.startsWith(problem), config.problems[0]);
  }
});

Deno.test("configure() takes the service as given, and does not look at it in other modes", () => {
  const argv = "--check-interval 1h --check-timeout 10ms --check-rise 1 --check-fall 1000".split(
    " ",
  );
  const more = [
    "--notify",
    "/bin/tell 'a b'",
    "--notify-timeout",
    "100ms",
    "--address-on",
    "eth0.5",
  ];
  const config = configOf([...argv, ...more]);
  assert(!("problems" in config), JSON.stringify(config));
  const { checkIntervalMs, checkTimeoutMs, checkRise, checkFall } = config;
  assertEquals([checkIntervalMs, checkTimeoutMs, checkRise, checkFall], [3_600_000, 10, 1, 1_000]);
  const { notify, notifyTimeoutMs, addressOn } = config;
  assertEquals([notify, notifyTimeoutMs, addressOn], [["/bin/tell", "a b"], 100, "eth0.5"]);
  const once = "-A -xi 198.51.100.50 -xk EXOkey -xs secret --check x --check-rise 0".split(" ");
  const associate = configure(readValues(once, {}), {});
  assert(!("problems" in associate), JSON.stringify(associate));
  assertEquals(associate.checks, []);
});
