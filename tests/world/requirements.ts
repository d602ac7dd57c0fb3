// Requirements of the laboratory.
import { namespaceName } from "../netns/ip.ts";
import { MISSING } from "../netns/requirements.ts";

/** Programs, with their Debian packages. */
const PROGRAMS = {
  haproxy: "haproxy",
  iptables: "iptables",
  ip6tables: "iptables",
  prlimit: "util-linux",
  curl: "curl",
};

/** Why the laboratory is not available here, null when it is. */
export const missing: string | null = MISSING ?? await missingPrograms() ?? await missingRules();

async function missingPrograms(): Promise<string | null> {
  const found = await Promise.all(
    Object.keys(PROGRAMS).map((program) =>
      new Deno.Command("sh", { args: ["-c", `command -v ${program}`] }).output()
    ),
  );
  const wanted = Object.values(PROGRAMS).filter((_, index) => !found[index]?.success);
  return wanted.length === 0 ? null : `needs the packages ${[...new Set(wanted)].join(", ")}`;
}

/** The rules that tell connections apart need kernel modules that not every machine has. */
async function missingRules(): Promise<string | null> {
  const name = namespaceName("world", "trial");
  const script = `ip netns add ${name} && ip netns exec ${name} sh -ec '
    for tool in iptables ip6tables; do
      $tool -t mangle -A PREROUTING -m conntrack --ctstate NEW -j CONNMARK --set-mark 1
      $tool -A INPUT -m connmark --mark 1 -j DROP
      $tool -A INPUT -p tcp -m statistic --mode random --probability 0.5 -j REJECT --reject-with tcp-reset
      $tool -t nat -L >/dev/null
    done'; code=$?; ip netns delete ${name}; exit $code`;
  const { success, stderr } = await new Deno.Command("sh", { args: ["-c", script] }).output();
  const reason = new TextDecoder().decode(stderr).replace(/\s+/g, " ").trim();
  return success ? null : `iptables cannot tell connections apart here: ${reason}`;
}
