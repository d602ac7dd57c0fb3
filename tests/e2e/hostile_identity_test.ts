// Bad files in the places for an instance id: pipes, devices, folders, far too large files. Each gives a named reason,
// none stops the program, and a good one still counts.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { skippableTest } from "../support/skippable.ts";
import { ELASTIC_IP } from "../support/cluster.ts";
import { ExoipProcess } from "../support/process.ts";
import { until } from "../support/until.ts";

const ID = "9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f";
const DATA = "/run/cloud-init/instance-data.json", SHORT = "/run/cloud-init/.instance-id";
const DRIVE = "/dev/disk/by-label/cidata";

/** A machine of its own: no network, and only the test's own files in /run and /dev. */
const MACHINE = ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c"];
const FOLDERS = "mount -t tmpfs none /run && mount -t tmpfs none /dev && " +
  "mkdir -p /run/cloud-init /dev/disk/by-label && mknod -m 666 /dev/null c 1 3 && " +
  "mknod -m 666 /dev/zero c 1 5 && mknod -m 666 /dev/urandom c 1 9";

/** Command prefix for a machine with such files. */
function machine(...files: readonly string[]): string[] {
  return [...MACHINE, `${[FOLDERS, ...files].join(" && ")} && exec "$@"`, "sh"];
}

async function works(): Promise<string | null> {
  if (Deno.build.os !== "linux") return `needs Linux, this is ${Deno.build.os}`;
  const [program = "", ...args] = [...machine(), "true"];
  const ended = new Deno.Command(program, { args, stderr: "null" }).output();
  const { success } = await ended.catch(() => ({ success: false }));
  return success ? null : "needs unshare, and the right to make namespaces and devices";
}

const MISSING = await works();
const KEYS = { IF_EXOSCALE_API_KEY: "EXOkey", IF_EXOSCALE_API_SECRET: "secret" };
const ARGS = `-W -O -xi ${ELASTIC_IP} -p 127.0.0.2 -xe http://127.0.0.1:1/v2`.split(" ");

const HOSTILE: ReadonlyArray<readonly [kind: string, make: (path: string) => string, why: string]> =
  [
    ["a pipe", (path) => `mkfifo ${path}`, "it is a pipe, w"],
    ["an endless device", (path) => `ln -s /dev/zero ${path}`, "it is a device, w"],
    ["a folder", (path) => `mkdir ${path}`, "it is a folder, wanted a "],
    ["a file of 1 GiB", (path) => `truncate -s 1G ${path}`, ""],
    ["a link to itself", (path) => `ln -s ${path} ${path}`, "Too many levels of symbolic links"],
  ];

for (const [kind, make, why] of HOSTILE) {
  skippableTest(`where the instance id should be there is ${kind}`, MISSING, async () => {
    const wrap = machine(...[DATA, SHORT, DRIVE].map(make));
    const asking = new ExoipProcess(["-n", ...ARGS], { env: KEYS, wrap });
    assertEquals(await asking.ended(), 1, asking.output);
    const reasons = why === ""
      ? [[DATA, "it has more than 1048576 bytes"], [DRIVE, "it has no instance id"]]
      : [DATA, SHORT, DRIVE].map((path) => [path, why]);
    const said = asking.lines.map(({ text }) => text).find((text) => text.includes(DATA)) ?? "";
    for (const [path, reason] of reasons) assertStringIncludes(said, `${path} (${reason}`);

    // A watchdog waits for the metadata service, and still reacts to a stop.
    const waiting = new ExoipProcess(ARGS, { env: KEYS, wrap });
    const waits = () => waiting.output.includes("waiting for the metadata service");
    await until(waits, { title: "it waits" });
    waiting.signal("SIGTERM");
    assertEquals(await waiting.ended(), 0, waiting.output);

    // A bad file that is read first does not hide a good one.
    const good = machine(make(DATA), make(DRIVE), `echo ${ID} > ${SHORT}`);
    const knowing = new ExoipProcess(["-n", ...ARGS], { env: KEYS, wrap: good });
    assertEquals(await knowing.ended(), 0, knowing.output);
    assert(knowing.output.includes("valid"), knowing.output);
  });
}
