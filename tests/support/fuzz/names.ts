// A resolver's answers for the names of peers.
import { assert } from "@std/assert";
import fc from "fast-check";
import { canonicalIp } from "../../../src/core/ip.ts";
import { LINE_MAX_CHARS } from "../../../src/core/plain.ts";
import { fateOf } from "../../../src/peers/fate.ts";
import { ADDRESSES_MAX } from "../../../src/peers/named_peer.ts";
import { PeerNames } from "../../../src/peers/peer_names.ts";
import { VirtualClock } from "../clock.ts";
import { target } from "./target.ts";
import { hostileText } from "./texts.ts";

const NAMES = ["a.test", "b.test", "203.0.113.3"];
const OWN = ["203.0.113.1", "2001:db8::1"];

const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.constantFrom(...OWN, "127.0.1.1", "0.0.0.0", "::ffff:203.0.113.9", "fe80::1%eth0", "ff02::1"),
  hostileText,
);
/** Answers; null for a failure. */
const answers = fc.array(fc.option(fc.array(address, { maxLength: 400 })), { maxLength: 8 });

/** All answers, and any sequence of them. */
export const names = target(
  "names",
  "only usable addresses of others become peers, in bounded number, and what is said is one clean line",
  [
    fc.tuple(answers, fc.constantFrom("0.0.0.0", "::", "2001:db8::1", "203.0.113.1")),
    async ([given, hostname]) => {
      const clock = new VirtualClock({ leaps: true }), rest = [...given];
      const host = {
        clock,
        interfaces: () => OWN.map((address) => ({ name: "eth0", address })),
        lookup: () => {
          const answer = rest.shift() ?? null;
          return answer ? Promise.resolve(answer) : Promise.reject(new Error("\n\x1b[2J"));
        },
      };
      const write = (_: unknown, __: unknown, text: string) => {
        assert(text.length <= LINE_MAX_CHARS && !/[\p{Cc}\p{Cf}]/u.test(text), text);
      };
      const names = new PeerNames(NAMES, { host, hostname, log: { write } });
      const ending = new AbortController();
      const check = (addresses: readonly string[]) => {
        assert(addresses.length <= NAMES.length * ADDRESSES_MAX, `${addresses.length} addresses`);
        for (const each of addresses) {
          assert(
            canonicalIp(each) === each && fateOf(each, { hostname, own: OWN }) === "peer",
            each,
          );
        }
      };
      const { addresses, missing } = await names.start(ending.signal);
      check(addresses);
      assert(missing.length <= NAMES.length);
      names.follow(({ addresses }) => check(addresses ?? []), ending.signal);
      for (let reading = 0; reading < 3; reading++) {
        await clock.sleep(10_000);
        await names.members((addresses) => {
          check(addresses);
          return Promise.resolve({ peers: [], inPeerList: true });
        });
        names.describe();
        await names.renew(NAMES);
      }
      ending.abort();
      await clock.idle();
    },
  ],
);
