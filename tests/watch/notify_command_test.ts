// --notify with real scripts: order, variables, secrets, timeouts, floods, and the end.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { childEnvironment, secretCommandEnvironment } from "../../src/host/child_environment.ts";
import { systemClock } from "../../src/host/clock.ts";
import { runCommand } from "../../src/host/command.ts";
import { OPTIONS } from "../../src/options/all.ts";
import { type NoticeSettings, QUEUE_MAX, RoleNotices } from "../../src/watch/notify_command.ts";
import type { RoleChange } from "../../src/world.ts";
import { until } from "../support/until.ts";
import { skippableTest } from "../support/skippable.ts";

const NO_SHELL = Deno.build.os === "windows" ? "needs a POSIX shell" : null;
const BACKUP: RoleChange = {
  elasticIp: "198.51.100.50",
  role: "backup",
  previousRole: "backup",
  reason: "outranked",
  reasonDetail: "by 192.0.2.2/5",
  priority: 10,
  holding: false,
};
const MASTER: RoleChange = {
  ...BACKUP,
  role: "master",
  reason: "best",
  reasonDetail: "",
  holding: null,
};
const OTHER_IP = "198.51.100.51";
const SETTINGS = { timeoutMs: 30_000, holdMs: 0, several: false, instanceId: "an-id" };

/** Runs the body with a notify script, which may write its variables into `$OUT`. */
async function withScript(
  script: string,
  body: (
    notices: RoleNotices,
    told: () => string[],
    lines: string[],
    out: string,
  ) => Promise<void>,
  { words = ["sh", "-c", script], ...other }: Partial<NoticeSettings> = {},
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const out = `${folder}/out`;
  await Deno.writeTextFile(out, "");
  const given = { ...Deno.env.toObject(), IF_SHARED_SECRET: "never" };
  const env = { ...childEnvironment(given), OUT: out };
  const lines: string[] = [];
  const settings = { ...SETTINGS, env, words, ...other };
  const notices = new RoleNotices(settings, {
    clock: systemClock,
    log: {
      write: (severity, event, text, elasticIp) =>
        void lines.push(`${elasticIp ? `${elasticIp} ` : ""}${severity} ${event}: ${text}`),
    },
    run: runCommand,
  });
  const told = () => Deno.readTextFileSync(out).split("\n").filter(Boolean);
  try {
    await body(notices, told, lines, out);
  } finally {
    await notices.close([]);
    await Deno.remove(folder, { recursive: true });
  }
}

skippableTest(
  "a script is told the facts of each change, in order, and no secret",
  NO_SHELL,
  async () => {
    const facts =
      "ROLE PREVIOUS_ROLE REASON REASON_DETAIL ADDRESS PRIORITY HOLDING INSTANCE_ID TIME"
        .split(" ");
    const script = `echo "${facts.map((name) => `$EXOIP_${name}`).join("|")}" ` +
      `"|\${IF_SHARED_SECRET-none}|\${PATH:+path}" >> "$OUT"`;
    await withScript(script, async (notices, told, lines) => {
      notices.roleChanged(BACKUP);
      notices.roleChanged(MASTER);
      const reasonDetail = "tcp://127.0.0.1:80: connection refused; makes way for 192.0.2.2/20";
      notices.roleChanged({ ...BACKUP, holding: true, reason: "unhealthy", reasonDetail });
      await until(() => told().length === 3, { title: "all are told" });
      const time = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z";
      const address = "198\\.51\\.100\\.50\\|10";
      const end = `an-id\\|${time} \\|none\\|path$`;
      assertMatch(
        told()[0] ?? "",
        new RegExp(`^backup\\|none\\|outranked\\|by 192\\.0\\.2\\.2/5\\|${address}\\|no\\|${end}`),
      );
      assertMatch(
        told()[1] ?? "",
        new RegExp(`^master\\|backup\\|best\\|\\|${address}\\|unknown\\|${end}`),
      );
      assertMatch(
        told()[2] ?? "",
        new RegExp(`^backup\\|master\\|unhealthy\\|${reasonDetail}\\|${address}\\|yes\\|${end}`),
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
      const late = "warning notify: sh: backup of 198.51.100.50: ended after 5 s";
      assertEquals(lines, [late]);
    }, { timeoutMs: 5_000 });
  },
);

skippableTest(
  "of too many that wait the overtaken are left out, never the newest of an address",
  NO_SHELL,
  async () => {
    // Continues once the test has made a file.
    const script = '[ -e "$OUT.go" ] || while ! [ -e "$OUT.go" ]; do sleep 0.05; done; ' +
      'echo "$EXOIP_ROLE $EXOIP_ADDRESS $EXOIP_PRIORITY" >> "$OUT"';
    const folder = await Deno.makeTempDir();
    const lines: string[] = [];
    const env = { ...childEnvironment(Deno.env.toObject()), OUT: `${folder}/out` };
    const settings = { ...SETTINGS, words: ["sh", "-c", script], timeoutMs: 60_000, env };
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
      await until(() => told().length === QUEUE_MAX, { title: "the rest is told" });
      // The oldest remaining one no longer changes anything.
      const priorities = Array.from({ length: QUEUE_MAX - 2 }, (_, index) => index + 7);
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
    const script =
      'sleep 0.2; echo "$EXOIP_ROLE $EXOIP_REASON$EXOIP_REASON_DETAIL $EXOIP_HOLDING" >> "$OUT"';
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

skippableTest(
  "at the end a script has its time, and what has been overtaken is not told",
  NO_SHELL,
  async () => {
    const script = '[ $EXOIP_REASON != leaving ] || sleep 2.5; while ! [ -e "$OUT.go" ]; do ' +
      'sleep 0.05; done; echo "$EXOIP_ROLE $EXOIP_ADDRESS $EXOIP_PRIORITY" >> "$OUT"';
    await withScript(script, async (notices, told, lines, out) => {
      notices.roleChanged(MASTER);
      for (let priority = 1; priority <= 4; priority++) {
        notices.roleChanged({ ...BACKUP, priority });
        notices.roleChanged({ ...MASTER, priority });
      }
      notices.roleChanged({ ...BACKUP, elasticIp: OTHER_IP });
      notices.roleChanged({ ...MASTER, elasticIp: OTHER_IP });
      const closed = notices.close([{ ...MASTER, priority: 5 }]);
      await Deno.writeTextFile(`${out}.go`, "");
      await closed;
      assertEquals(told(), [
        "master 198.51.100.50 10",
        "master 198.51.100.51 10",
        "backup 198.51.100.50 5",
      ]);
      assertEquals(lines, []);
    });
  },
);

skippableTest("at the end scripts that hang are given up after a while", NO_SHELL, async () => {
  await withScript("trap '' TERM; while :; do sleep 1; done", async (notices, _told, lines) => {
    for (let number = 1; number <= 9; number++) {
      notices.roleChanged({ ...BACKUP, elasticIp: `198.51.100.${number}` });
    }
    await notices.close([]);
    const end = lines.findIndex((line) =>
      /sh: given up at the end, [1-8] more not told$/.test(line)
    );
    assert(end >= 0, lines.join("; "));
    const late = /sh: backup of 198\.51\.100\.\d: ended (after 0\.3 s|by SIGKILL)$/;
    assert(lines.every((line, index) => index === end || late.test(line)), lines.join("; "));
  }, { timeoutMs: 300 });
});

skippableTest("who is impatient at the end waits for no script", NO_SHELL, async () => {
  await withScript("exec sleep 300", async (notices, _told, lines) => {
    notices.roleChanged(BACKUP);
    notices.roleChanged({ ...BACKUP, elasticIp: OTHER_IP });
    const closed = notices.close([]);
    notices.giveUp();
    await closed;
    assertEquals(lines, [
      "warning notify: sh: given up at the end, 1 more not told",
      "warning notify: sh: backup of 198.51.100.50: ended by SIGTERM",
    ]);
  });
});

skippableTest(
  "of several addresses a line says which it is about",
  NO_SHELL,
  async () => {
    await withScript("exit 4", async (notices, _told, lines) => {
      notices.roleChanged(BACKUP);
      await until(() => lines.length === 1, { title: "it has failed" });
      const line = "warning notify: sh: backup of 198.51.100.50: exit code 4";
      assertEquals(lines, [`198.51.100.50 ${line}`]);
    }, { several: true });
  },
);

skippableTest(
  "a role that the command knows is not told again when what came between was left out",
  NO_SHELL,
  async () => {
    const script = 'while ! [ -e "$OUT.go" ]; do sleep 0.05; done; ' +
      'echo "$EXOIP_PREVIOUS_ROLE-$EXOIP_ROLE" >> "$OUT"';
    await withScript(script, async (notices, told, lines, out) => {
      notices.roleChanged(BACKUP);
      notices.roleChanged(MASTER);
      notices.roleChanged({ ...BACKUP, reason: "unhealthy" });
      // Each pushes out the oldest of the first address.
      for (let number = 1; number < QUEUE_MAX; number++) {
        notices.roleChanged({ ...BACKUP, elasticIp: `203.0.113.${number}` });
      }
      assertEquals(lines.length, 1);
      await Deno.writeTextFile(`${out}.go`, "");
      await until(() => told().length === QUEUE_MAX, { title: "all are told" });
      await notices.close([]);
      assertEquals(told(), Array.from({ length: QUEUE_MAX }, () => "none-backup"));
    });
  },
);

skippableTest(
  "a role that flaps is told once it lasts, and not at all when it ends where it began",
  NO_SHELL,
  async () => {
    await withScript('echo "$EXOIP_ROLE $EXOIP_PRIORITY" >> "$OUT"', async (notices, told) => {
      const flap = (...changes: RoleChange[]) =>
        changes.forEach((change, priority) => notices.roleChanged({ ...change, priority }));
      flap(BACKUP, MASTER, BACKUP);
      await until(() => told().length === 1, { title: "the last is told" });
      flap(MASTER, BACKUP, MASTER, BACKUP);
      notices.roleChanged({ ...BACKUP, elasticIp: OTHER_IP, priority: 7 });
      await until(() => told().length === 2, { title: "another address is told" });
      flap(MASTER, BACKUP, MASTER);
      // At the end there is nothing to wait for.
      await notices.close([]);
      assertEquals(told(), ["backup 2", "backup 7", "master 2"]);
    }, { holdMs: 100 });
  },
);

skippableTest(
  "a role that never comes to rest is told nevertheless",
  NO_SHELL,
  async () => {
    await withScript('echo "$EXOIP_ROLE" >> "$OUT"', async (notices, told) => {
      let count = 0;
      const flapping = setInterval(() => notices.roleChanged(++count % 2 ? BACKUP : MASTER), 5);
      try {
        await until(() => told().length >= 1, { title: "it is told" });
      } finally {
        clearInterval(flapping);
      }
    }, { holdMs: 500 });
  },
);

Deno.test("a child gets what is on a list, and nothing else of the environment", () => {
  const variables = OPTIONS.flatMap(({ variables }) => variables);
  assert(variables.length > 20, variables.join(" "));
  const others = "IF_SHARED_SECRET if_check NOTIFY_SOCKET WATCHDOG_USEC HTTPS_PROXY https_proxy " +
    "ALL_PROXY MY_SECRET AWS_SESSION_TOKEN CREDENTIALS_DIRECTORY PATH2 XPATH LC PGPASSWORD";
  const env = Object.fromEntries([...variables, ...others.split(" ")].map((name) => [name, "no"]));
  const kept = { PATH: "/bin", HOME: "/root", LC_ALL: "C", Path: "C:/", RUNTIME_DIRECTORY: "/run" };
  assertEquals(childEnvironment({ ...env, ...kept, TZ: undefined }), kept);
});

Deno.test("a secretCommand gets the user's variables without our secrets", () => {
  const secrets = OPTIONS.flatMap(({ variables }) => variables)
    .filter((name) => name.includes("SECRET") && !name.endsWith("_FILE"));
  assert(secrets.length >= 2, secrets.join(" "));
  const others = ["IF_SHARED_SECRET", "IF_CHECK", "if_notify", "NOTIFY_SOCKET"];
  const env = Object.fromEntries([...secrets, ...others].map((name) => [name, "no"]));
  const kept = { PATH: "/bin", VAULT_TOKEN: "own", IF_EXOSCALE_API_SECRET_FILE: "/run/secret" };
  assertEquals(secretCommandEnvironment({ ...env, ...kept }), kept);
});
