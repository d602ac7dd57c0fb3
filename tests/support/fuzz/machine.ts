// Input from the machine and the metadata service: routes, identity, files.
import { assert, assertEquals } from "@std/assert";
import { isIpv4 } from "../../../src/core/ip.ts";
import { isUuid } from "../../../src/core/uuid.ts";
import {
  findInstanceId,
  findZone,
  IdentityError,
  type Machine,
} from "../../../src/host/metadata.ts";
import { pidFiles } from "../../../src/host/pid_file.ts";
import { gatewayFromIpRoute, gatewayFromTable } from "../../../src/host/routes.ts";
import { FILE_MAX_BYTES, readTextFile } from "../../../src/host/text_file.ts";
import { hostileText } from "./texts.ts";
import { type Target, target } from "./target.ts";
import fc from "fast-check";

const TABLE_HEAD =
  "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";
const cells = fc.oneof(
  fc.constantFrom("00000000", "0101A8C0", "0003", "FFFFFFFF", "eth0", "0", "-1", "1e9", "", "zz"),
  hostileText,
);
const tables = fc.oneof(
  hostileText,
  fc.array(fc.array(cells, { maxLength: 12 }), { maxLength: 6 })
    .map((rows) => TABLE_HEAD + rows.map((row) => row.join("\t")).join("\n")),
);
const routeTexts = fc.oneof(
  hostileText,
  fc.array(hostileText, { maxLength: 4 })
    .map((words) => `default via ${words.join(" ")}\ndefault via 192.0.2.1 dev eth0`),
);

/** Both parsers of routes. */
export const routes: Target = target(
  "routes",
  "a gateway is an IPv4 address or none",
  [fc.tuple(tables, routeTexts), ([table, routes]) => {
    for (const gateway of [gatewayFromTable(table), gatewayFromIpRoute(routes)]) {
      assert(gateway === null || isIpv4(gateway), `${gateway}`);
    }
  }],
);

const answers = fc.oneof(
  fc.record({ text: hostileText, status: fc.constantFrom(200, 201, 301, 404, 500) }),
  fc.record({ bytes: fc.uint8Array({ maxLength: 400 }), status: fc.constant(200) }),
  fc.record({ fails: hostileText }),
);

/** The lookup of our own instance id. */
export const metadata: Target = target(
  "metadata",
  "an instance is a UUID or an IdentityError, a zone is a name or none",
  [
    fc.record({ answers: fc.array(answers, { minLength: 1, maxLength: 6 }), tables, routeTexts }),
    async ({ answers, tables, routeTexts }) => {
      let asked = 0;
      const machine: Machine = {
        root: "",
        fetch(url) {
          assert(/^http:\/\/[\w.]+\/latest\/[\w/-]+$/.test(url), url);
          const answer = answers[asked++ % answers.length];
          if (answer === undefined || "fails" in answer) {
            return Promise.reject(new Error(answer?.fails));
          }
          const body = "text" in answer ? answer.text : answer.bytes.slice();
          return Promise.resolve(new Response(body, { status: answer.status }));
        },
        readTextFile: (path) =>
          path.includes("route") ? Promise.resolve(tables) : Promise.reject(new Error("none")),
        run: () => Promise.resolve(routeTexts),
      };
      try {
        assert(isUuid(await findInstanceId(machine)));
      } catch (error) {
        if (!(error instanceof IdentityError)) throw error;
        assert(
          error.message.length < 3_000 && !/[\p{Cc}\p{Cf}]/u.test(error.message),
          error.message,
        );
      }
      const zone = await findZone(machine);
      assert(zone === null || /^[a-z0-9-]{1,63}$/.test(zone), `${zone}`);
    },
  ],
);

const path = Deno.makeTempFileSync();
globalThis.addEventListener("unload", () => Deno.removeSync(path));
const contents = fc.oneof(
  fc.constantFrom("1", "0", "-1", "1e3", "0x10", "99999999999", "1\n2", "", "  42\n"),
  fc.constantFrom("1\nexoip\n", "1\nexoip start=1 program=%\n", "1\nexoip start=1 program=%2f\n"),
  hostileText.map((text) => `42\nexoip start=7 program=${text}\n`),
  hostileText,
).map((text) => new TextEncoder().encode(text));

/** A PID file that another program has written and locked. */
export const pidFile: Target = target(
  "pid-file",
  "the owner of a locked PID file is nobody, or an error that says so: none of these processes has written it",
  [contents, (bytes) => {
    Deno.writeFileSync(path, bytes);
    using file = Deno.openSync(path, { read: true });
    file.lockSync(true);
    try {
      assertEquals(pidFiles.owner(path), null);
    } catch (error) {
      if (!(error instanceof Error && /no process id/.test(error.message))) throw error;
    }
  }],
);

/** Any file that an operator names. */
export const textFile: Target = target(
  "text-file",
  "a file is its text in UTF-8, or an error that says it is none",
  [fc.oneof(fc.uint8Array({ maxLength: 200 }), contents), async (all) => {
    const bytes = all.slice(0, FILE_MAX_BYTES);
    Deno.writeFileSync(path, bytes);
    try {
      const text = await readTextFile(path);
      assert(text.isWellFormed());
    } catch (error) {
      if (!(error instanceof Error && /not text in UTF-8/.test(error.message))) throw error;
    }
  }],
);
