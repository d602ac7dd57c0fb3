// --notify with real scripts: order, facts, secrets, time-outs, floods, and the end.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { childEnvironment } from "../src/service/child_environment.ts";
import { systemClock } from "../src/host/clock.ts";
import { runCommand } from "../src/host/command.ts";
import { OPTIONS } from "../src/options.ts";
import { QUEUE_MAX, RoleNotices } from "../src/service/role_notices.ts";
import type { RoleChange } from "../src/world.ts";
import { until } from "./e2e/cluster.ts";
import { skippableTest } from "./skippable.ts";

const NO_SHELL = Deno.build.os === "windows" ? "needs a POSIX shell" : null;
const BACKUP: RoleChange = {
  elasticIp: "198.51.100.50",
  role: "backup",
  previousRole: "backup",
  reason: "outranked",
  priority: 10,
  holding: false,
};
const MASTER: RoleChange = { ...BACKUP, role: "master", reason: "best", holding: null };

/** Runs the body beside notices to a script, which may write what it is told into `$OUT`. */
async function withScript(
  script: string,
  body: (notices: RoleNotices, told: () => string[], lines: string[]) => Promise<void>,
  { timeoutMs = 30_000, words }: { timeoutMs?: number; words?: string[] } = {},
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const out = `${folder}/out`;
  await Deno.writeTextFile(out, "");
  const env = childEnvironment({ ...Deno.env.toObject(), OUT: out, IF_SHARED_SECRET: "never" });
  const lines: string[] = [];
  const settings = { words: words ?? ["sh", "-c", script], timeoutMs, instanceId: "an-id", env };
  const notices = new RoleNotices(settings, {
    clock: systemClock,
    log: { write: (severity, event, text) => void lines.push(`${severity} ${event}: ${text}`) },
    run: runCommand,
  });
  const told = () => Deno.readTextFileSync(out).split("\n").filter(Boolean);
  try {
    await body(notices, told, lines);
  } finally {
    await notices.close([]);
    await Deno.remove(folder, { recursive: true });
  }
}

skippableTest(
  "a script is told the facts of each change, in order, and no secret",
  NO_SHELL,
  async () => {
    const facts = "ROLE PREVIOUS_ROLE REASON ADDRESS PRIORITY HOLDING INSTANCE_ID TIME".split(" ");
    const script = `echo "${facts.map((name) => `$EXOIP_${name}`).join("|")}" ` +
      `"|\${IF_SHARED_SECRET-none}|\${PATH:+path}" >> "$OUT"`;
    await withScript(script, async (notices, told, lines) => {
      notices.roleChanged(BACKUP);
      notices.roleChanged(MASTER);
      notices.roleChanged({ ...BACKUP, holding: true, reason: "unhealthy" });
      await until(() => told().length === 3, { title: "all are told" });
      const time = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z";
      const address = "198\\.51\\.100\\.50\\|10";
      const end = `an-id\\|${time} \\|none\\|path$`;
      assertMatch(
        told()[0] ?? "",
        new RegExp(`^backup\\|none\\|outranked\\|${address}\\|no\\|${end}`),
      );
      assertMatch(
        told()[1] ?? "",
        new RegExp(`^master\\|backup\\|best\\|${address}\\|unknown\\|${end}`),
      );
      assertMatch(
        told()[2] ?? "",
        new RegExp(`^backup\\|master\\|unhealthy\\|${address}\\|yes\\|${end}`),
      );
      assertEquals(lines, []);
    });
  },
);

skippableTest(
  "only roles are news, from the first that was decided, for each address apart",
  NO_SHELL,
  async () => {
    await withScript('echo "$EXOIP_ROLE $EXOIP_ADDRESS" >> "$OUT"', async (notices, told) => {
      notices.roleChanged({ ...BACKUP, reason: "stalled" });
      notices.roleChanged(BACKUP);
      notices.roleChanged({ ...BACKUP, reason: "deferring" });
      notices.roleChanged({ ...BACKUP, elasticIp: "198.51.100.51" });
      notices.roleChanged(MASTER);
      notices.roleChanged({ ...MASTER, reason: "alone" });
      await until(() => told().length >= 3, { title: "all are told" });
      await notices.close([]);
      assertEquals(told(), [
        "backup 198.51.100.50",
        "backup 198.51.100.51",
        "master 198.51.100.50",
      ]);
    });
  },
);

skippableTest(
  "a script that fails or is missing is a line, and the next one runs",
  NO_SHELL,
  async () => {
    const script = 'echo "$EXOIP_ROLE" >> "$OUT"; echo one >&2; echo "no $EXOIP_ROLE" >&2; exit 4';
    await withScript(script, async (notices, told, lines) => {
      notices.roleChanged(BACKUP);
      notices.roleChanged(MASTER);
      await until(() => lines.length === 2, { title: "both have failed" });
      assertEquals(told(), ["backup", "master"]);
      assertEquals(lines, [
        "warning notify: sh: backup of 198.51.100.50: exit code 4: no backup",
        "warning notify: sh: master of 198.51.100.50: exit code 4: no master",
      ]);
    });
    await withScript("", async (notices, _told, lines) => {
      notices.roleChanged(BACKUP);
      await until(() => lines.length === 1, { title: "it is missing" });
      assertMatch(lines[0] ?? "", /cannot run \/nonesuch\/tell: not found$/);
    }, { words: ["/nonesuch/tell"] });
  },
);

skippableTest(
  "a script that hangs is killed at its time-out, and the next one runs",
  NO_SHELL,
  async () => {
    const script = 'echo "$EXOIP_ROLE" >> "$OUT"; [ $EXOIP_ROLE = master ] || ' +
      "{ trap '' TERM; while :; do sleep 300; done; }";
    await withScript(script, async (notices, told, lines) => {
      notices.roleChanged(BACKUP);
      notices.roleChanged(MASTER);
      await until(() => told().length === 2, { title: "the second is told" });
      const late = "warning notify: sh: backup of 198.51.100.50: ended after 0.3 s";
      assertEquals(lines, [late]);
    }, { timeoutMs: 300 });
  },
);

skippableTest(
  "of too many that wait the overtaken are left out, never the newest of an address",
  NO_SHELL,
  async () => {
    // Goes on once the test has made a file.
    const script = '[ -e "$OUT.go" ] || while ! [ -e "$OUT.go" ]; do sleep 0.05; done; ' +
      'echo "$EXOIP_ROLE $EXOIP_ADDRESS $EXOIP_PRIORITY" >> "$OUT"';
    const folder = await Deno.makeTempDir();
    const lines: string[] = [];
    const env = { ...childEnvironment(Deno.env.toObject()), OUT: `${folder}/out` };
    const settings = { words: ["sh", "-c", script], timeoutMs: 60_000, instanceId: "an-id", env };
    const notices = new RoleNotices(settings, {
      clock: systemClock,
      log: { write: (_severity, _event, text) => void lines.push(text) },
      run: runCommand,
    });
    try {
      const change = (priority: number) => ({
        ...(priority % 2 === 0 ? BACKUP : MASTER),
        priority,
      });
      notices.roleChanged(change(0));
      notices.roleChanged({ ...BACKUP, elasticIp: "198.51.100.51" });
      for (let priority = 1; priority <= QUEUE_MAX + 4; priority++) {
        notices.roleChanged(
          change(priority),
        );
      }
      assertEquals(lines.length, 5);
      assert(lines.every((line) => line.endsWith("of 198.51.100.50 is left out: too many wait")));
      await Deno.writeTextFile(`${folder}/out.go`, "");
      const told = () => {
        try {
          return Deno.readTextFileSync(`${folder}/out`).trim().split("\n");
        } catch {
          return [];
        }
      };
      await until(() => told().length === 1 + QUEUE_MAX, { title: "the rest is told" });
      const priorities = Array.from({ length: QUEUE_MAX - 1 }, (_, index) => index + 6);
      assertEquals(told(), [
        "backup 198.51.100.50 0",
        "backup 198.51.100.51 10",
        ...priorities.map((each) =>
          `${each % 2 === 0 ? "backup" : "master"} 198.51.100.50 ${each}`
        ),
      ]);
    } finally {
      await notices.close([]);
      await Deno.remove(folder, { recursive: true });
    }
  },
);

skippableTest(
  "at the end a master is told as backup, and the script may finish",
  NO_SHELL,
  async () => {
    const script = 'sleep 0.2; echo "$EXOIP_ROLE $EXOIP_REASON $EXOIP_HOLDING" >> "$OUT"';
    await withScript(script, async (notices, told, lines) => {
      notices.roleChanged(MASTER);
      const other = { ...BACKUP, elasticIp: "198.51.100.51" };
      notices.roleChanged(other);
      await until(() => told().length === 2, { title: "they are told" });
      await notices.close([{ ...MASTER, reason: "leaving", holding: false }, other]);
      assertEquals(told().slice(2), ["backup leaving no"]);
      assertEquals(lines, []);
    });
  },
);

skippableTest("at the end a script that hangs is given up", NO_SHELL, async () => {
  await withScript("exec sleep 300", async (notices, _told, lines) => {
    notices.roleChanged(BACKUP);
    notices.roleChanged(MASTER);
    await notices.close([{ ...MASTER, reason: "leaving" }]);
    assertEquals(lines, [
      "warning notify: sh: given up at the end, 2 more not told",
      "warning notify: sh: backup of 198.51.100.50: ended by SIGTERM",
    ]);
  });
});

Deno.test("a child gets no secret and nothing that is the service manager's, and all the rest", () => {
  const secrets = OPTIONS.flatMap(({ variables }) => variables)
    .filter((name) => name.includes("SECRET") && !name.endsWith("_FILE"));
  assert(secrets.length >= 2, secrets.join(" "));
  const env = Object.fromEntries([...secrets, "IF_SHARED_SECRET", "NOTIFY_SOCKET", "WATCHDOG_USEC"]
    .map((name) => [name, "never"]));
  const kept = {
    PATH: "/bin",
    IF_EXOSCALE_API_SECRET_FILE: "/run/secret",
    IF_EXOSCALE_API_KEY: "EXO",
    MY_SECRET: "own",
  };
  assertEquals(childEnvironment({ ...env, ...kept, UNSET: undefined }), kept);
});
