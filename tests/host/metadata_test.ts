// Which instance is this? The order of the attempts, which answers count, and the error message.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  findInstanceId,
  findZone,
  IdentityError,
  localMachine,
  type Machine,
} from "../../src/host/metadata.ts";
import "../support/libraries.ts";

const ID = "9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f";
const LINK_LOCAL = "http://169.254.169.254/latest/meta-data/instance-id";
const BY_NAME = "http://metadata.exoscale.com/latest/meta-data/instance-id";
const TABLE = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n" +
  "eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
const AT_TABLE = "http://192.168.1.1/latest/instance-id";
const ROUTE = "ip -4 route show default";
const AT_ROUTE = "http://10.0.0.1/latest/instance-id";
const DMI = "/host/sys/class/dmi/id/product_uuid";
const DATA = "/host/run/cloud-init/instance-data.json",
  RUN_ID = "/host/run/cloud-init/.instance-id";
const STATUS = "/host/run/cloud-init/status.json", LASTING = "/host/var/lib/cloud/data/instance-id";
const DRIVE = "/host/dev/disk/by-label/cidata";
const NETWORK = [LINK_LOCAL, BY_NAME, "/host/proc/net/route", AT_TABLE, ROUTE, AT_ROUTE];
const ALL = [...NETWORK, DATA, RUN_ID, DMI];
const GATEWAYS = {
  "/host/proc/net/route": TABLE,
  [ROUTE]: "default via 10.0.0.1 dev eth0 proto dhcp\n",
};

type Answer = string | (() => Response);

/** A machine where only the given sources answer: URLs, files, and command lines. */
function machineWith(answers: Record<string, Answer>): Machine & { readonly asked: string[] } {
  const asked: string[] = [];
  const answer = (place: string): Answer => {
    asked.push(place);
    const found = answers[place];
    if (found === undefined) throw new Deno.errors.NotFound("nobody there");
    return found;
  };
  const text = (place: string) => {
    const found = answer(place);
    return typeof found === "string" ? found : "";
  };
  return {
    asked,
    root: "/host",
    fetch: (url, { signal, redirect }) => {
      assert(signal instanceof AbortSignal && !signal.aborted && redirect === "manual");
      return Promise.try(answer, url).then((found) =>
        typeof found === "string" ? new Response(found) : found()
      );
    },
    readTextFile: (path) => Promise.try(text, path),
    run: (program, args) => Promise.try(text, [program, ...args].join(" ")),
  };
}

Deno.test("findInstanceId() asks metadata addresses, then gateways, then firmware", async () => {
  const machine = machineWith({ ...GATEWAYS, [DMI]: `${ID}\n` });
  assertEquals(await findInstanceId(machine), ID);
  assertEquals(machine.asked, ALL);
});

Deno.test("findInstanceId() asks nobody after the first good answer", async () => {
  for (const [place, askedCount] of [[LINK_LOCAL, 2], [BY_NAME, 2], [AT_TABLE, 4], [AT_ROUTE, 6]]) {
    const machine = machineWith({ ...GATEWAYS, [`${place}`]: ID });
    assertEquals(await findInstanceId(machine), ID);
    assertEquals(machine.asked, ALL.slice(0, Number(askedCount)), `${place}`);
  }
});

Deno.test("findInstanceId() waits for no silent address beside one that answers", async () => {
  const machine = machineWith({ [BY_NAME]: ID });
  const fetch: Machine["fetch"] = (url, init) =>
    url === LINK_LOCAL ? new Promise(() => {}) : machine.fetch(url, init);
  assertEquals(await findInstanceId({ ...machine, fetch }), ID);
});

Deno.test("findInstanceId() takes nothing but a UUID from a good answer", async () => {
  const rows: ReadonlyArray<readonly [title: string, Answer, accepted: boolean]> = [
    ["white space around it", `  ${ID}\r\n`, true],
    ["capitals", ID.toUpperCase(), true],
    ["as many characters as allowed", ID.padEnd(256), true],
    ["a page", `<html>${ID}</html>`, false],
    ["nothing", "", false],
    ["two lines", `${ID}\n${ID}`, false],
    ["no dashes", ID.replaceAll("-", ""), false],
    ["braces", `{${ID}}`, false],
    ["too much", ID.padEnd(257), false],
    ["status 201", () => new Response(ID, { status: 201 }), true],
    ["status 302", () => new Response(ID, { status: 302, headers: { location: "/" } }), false],
    ["status 404", () => new Response(ID, { status: 404 }), false],
    ["status 500", () => new Response(ID, { status: 500 }), false],
    ["no body", () => new Response(null), false],
  ];
  for (const [title, answer, accepted] of rows) {
    const found = findInstanceId(machineWith({ [LINK_LOCAL]: answer })).catch(() => null);
    assertEquals(await found, accepted ? ID : null, title);
  }
});

Deno.test("findInstanceId() stops reading an answer that does not end", async () => {
  let sentCount = 0, cancelled = false;
  const endless = () =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(64).fill(++sentCount % 2 + 48)),
        cancel: () => void (cancelled = true),
      }),
    );
  const machine = machineWith({ [LINK_LOCAL]: endless, [DMI]: ID });
  assertEquals(await findInstanceId(machine), ID);
  assert(cancelled && sentCount < 50, `cancelled: ${cancelled}, chunks sent: ${sentCount}`);
});

Deno.test("findInstanceId() does not mind an image without ip, /proc and /sys", async () => {
  assertEquals(await findInstanceId(machineWith({ [BY_NAME]: ID })), ID);
  const machine = machineWith({ [DMI]: ID.toUpperCase() });
  assertEquals(await findInstanceId(machine), ID);
  assertEquals(machine.asked, ALL.filter((place) => ![AT_TABLE, AT_ROUTE].includes(place)));
});

Deno.test("findInstanceId() lists all that was tried and why, and says -i", async () => {
  const machine = machineWith({
    ...GATEWAYS,
    [LINK_LOCAL]: "<html>",
    [AT_TABLE]: () => new Response("", { status: 404 }),
    [ROUTE]: "",
  });
  const { message } = await assertRejects(() => findInstanceId(machine), IdentityError);
  for (
    const part of [
      `${LINK_LOCAL} (not a UUID)`,
      `${BY_NAME} (nobody there)`,
      `${AT_TABLE} (status 404)`,
      "`ip route` (no default gateway)",
      "/sys/class/dmi/id/product_uuid (nobody there)",
      "-i (IF_EXOSCALE_INSTANCE_ID)",
    ]
  ) assertStringIncludes(message, part);
});

Deno.test("findInstanceId() quotes reasons on one line of bounded length", async () => {
  // Found by fuzzing: the reason of a failure went into the message unescaped.
  const machine = machineWith({});
  const fetch = () => Promise.reject(new Error("x\nCRIT forged \x1b[2J".padEnd(5_000, "y")));
  const { message } = await assertRejects(
    () => findInstanceId({ ...machine, fetch }),
    IdentityError,
  );
  assert(!/\p{Cc}/u.test(message) && message.length < 1_000, message);
});

Deno.test("findInstanceId() bounds each attempt to two seconds", async () => {
  const boundsMs: number[] = [];
  const timeout = AbortSignal.timeout;
  const hang = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.onabort = () => reject(signal.reason));
  AbortSignal.timeout = (ms) => (boundsMs.push(ms), timeout.call(AbortSignal, 1)); // To avoid waiting.
  try {
    const silent: Machine = {
      root: "",
      fetch: (_, { signal }) => hang(signal),
      readTextFile: (_, { signal }) => hang(signal),
      run: (_program, _args, signal) => hang(signal),
    };
    const { message } = await assertRejects(() => findInstanceId(silent), IdentityError);
    assertEquals(message.split(";").length, 9, message);
  } finally {
    AbortSignal.timeout = timeout;
  }
  assert(boundsMs.length >= 5 && boundsMs.every((ms) => ms === 2_000), `${boundsMs}`);
});

Deno.test("findZone() asks the same servers for a zone name, but not the firmware", async () => {
  const zoneAt = (url: string) => url.replace("instance-id", "availability-zone");
  for (const place of [LINK_LOCAL, BY_NAME, AT_TABLE, AT_ROUTE].map(zoneAt)) {
    assertEquals(await findZone(machineWith({ ...GATEWAYS, [place]: "ch-gva-2\n" })), "ch-gva-2");
  }
  for (const answer of ["", "Geneva", "<html>", "ch-gva-2/../x", "CH-GVA-2", "a.test/ch-gva-2"]) {
    const machine = machineWith({ ...GATEWAYS, [zoneAt(LINK_LOCAL)]: answer, [DMI]: "ch-gva-2" });
    assertEquals(await findZone(machine), null, answer);
    assertEquals(machine.asked, ALL.slice(0, 6).map(zoneAt));
  }
});

Deno.test("localMachine runs a program, and rejects a failed or missing one", async () => {
  const { signal } = new AbortController();
  const deno = (code: string) => localMachine.run(Deno.execPath(), ["eval", code], signal);
  assertEquals(await deno("console.log('default via 192.0.2.1')"), "default via 192.0.2.1\n");
  await assertRejects(() => deno("Deno.exit(3)"), Error, "exit code 3");
  const missing = localMachine.run("/no/such/program", [], signal);
  await assertRejects(() => missing, Error, "cannot run /no/such/program: not found");
});

Deno.test("localMachine ends a program when the signal says so", async () => {
  const ending = new AbortController();
  const long = "setTimeout(() => {}, 10_000)";
  const output = localMachine.run(Deno.execPath(), ["eval", long], ending.signal);
  ending.abort();
  await assertRejects(() => output, Error, "exit code");
});

Deno.test("findZone() takes every zone name of Exoscale", async () => {
  const none = () => Promise.reject(new Error("none"));
  for (
    const zone of [
      "ch-gva-2",
      "ch-dk-2",
      "de-fra-1",
      "de-muc-1",
      "at-vie-1",
      "bg-sof-1",
      "hr-zag-1",
    ]
  ) {
    const fetch = () => Promise.resolve(new Response(zone));
    assertEquals(await findZone({ root: "", fetch, readTextFile: none, run: none }), zone);
  }
});

Deno.test("findInstanceId() asks the gateway while the fixed places are silent", async () => {
  const asked: string[] = [];
  const found = await findInstanceId({
    root: "",
    fetch(url, { signal }) {
      asked.push(url);
      if (url.startsWith("http://10.0.0.1/")) return Promise.resolve(new Response(ID));
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    },
    readTextFile: () => Promise.reject(new Error("no such file")),
    run: () => Promise.resolve("default via 10.0.0.1 dev eth0\n"),
  });
  assertEquals(found, ID);
  assertEquals(asked.at(-1), "http://10.0.0.1/latest/instance-id");
  assertEquals(asked.length, 3);
});

const OTHER = "0a1b2c3d-53c4-4a7d-8e2f-0a1b2c3d4e5f";
const data = (id: string) => JSON.stringify({ v1: { cloud_name: "nocloud", instance_id: id } });

/** The start of a drive: part of its structure, and the file. */
const drive = (...lines: string[]) =>
  `\u0001CD001\u0001${"\0".repeat(40_000)}\n${lines.join("\n")}\n\0\0`;

Deno.test("findInstanceId() believes what is of this boot before what a disk remembers", async () => {
  const rows: readonly (readonly [title: string, Record<string, string>, id: string | null])[] = [
    ["cloud-init's data, without root", { [DATA]: data(ID), [DMI]: OTHER, [LASTING]: OTHER }, ID],
    ["its id beside it", { [RUN_ID]: `${ID}\n`, [LASTING]: OTHER }, ID],
    ["data of another form", { [DATA]: '{"v1": {"instance-id": "i-abc"}}', [DMI]: ID }, ID],
    ["data that is none", { [DATA]: "{", [DMI]: ID }, ID],
    ["the system UUID before the disk", { [DMI]: ID, [STATUS]: "{}", [LASTING]: OTHER }, ID],
    ["the disk, once cloud-init has run", { [STATUS]: "{}", [LASTING]: `${ID}\n` }, ID],
    ["a copied disk on which it does not run", { [LASTING]: OTHER }, null],
    ["the drive of a private instance", { [DRIVE]: drive(`instance-id: ${ID}`, "zone: x") }, ID],
    ["a drive with quotes", { [DRIVE]: drive(`instance-id: "${ID}"\r`) }, ID],
    ["a drive before the disk", {
      [DRIVE]: drive(`instance-id: ${ID}`),
      [STATUS]: "",
      [LASTING]: OTHER,
    }, ID],
    ["a drive with two", { [DRIVE]: drive(`instance-id: ${ID}`, `instance-id: ${OTHER}`) }, null],
    ["a drive with none", { [DRIVE]: drive("local-hostname: x") }, null],
  ];
  for (const [title, files, id] of rows) {
    const machine = machineWith(files);
    const readStart = (path: string) => machine.readTextFile(path, { signal: AbortSignal.abort() });
    const found = findInstanceId({ ...machine, readStart }).catch(() => null);
    assertEquals(await found, id, title);
  }
});

Deno.test("the error says why a remembered id is not believed", async () => {
  const error = await assertRejects(
    () => findInstanceId(machineWith({ [LASTING]: OTHER })),
    IdentityError,
  );
  const why =
    `${"/var/lib/cloud/data/instance-id"} (cloud-init has not run since the boot, so it may`;
  assertStringIncludes(error.message, why);
});

Deno.test("localMachine reads the beginning of a file or disk, and nothing without an end", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, Uint8Array.of(0x69, 0xff, 0x64, 0x2d, 0x2d));
    assertEquals(await localMachine.readStart?.(path, 4), "i\u00ffd-");
    const signal = AbortSignal.timeout(30_000);
    for (const endless of ["/dev/zero", "/dev/ptmx"]) {
      await assertRejects(
        () => localMachine.readStart!(endless, 1_000_000),
        Error,
        "it is a device",
      );
      await assertRejects(() => localMachine.readTextFile(endless, { signal }), Error, "a device");
    }
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("findInstanceId() does not take a router's word for that of the metadata service", async () => {
  const silent = () => Promise.reject(new Error("no such file"));
  const error = await assertRejects(
    () =>
      findInstanceId({
        root: "",
        fetch: (url) =>
          url.startsWith("http://10.0.0.1/")
            ? Promise.resolve(new Response("none", { status: 404 }))
            : Promise.reject(new Error("no route")),
        readTextFile: silent,
        run: () => Promise.resolve("default via 10.0.0.1 dev eth0\n"),
      }),
    IdentityError,
  );
  assertEquals(error.answered, false, "it is waited for");
});
