// A pod of the chart, as far as its process can tell: the environment, the files that the kubelet puts into its volumes,
// with their modes and owners, the user, and no rights.
import { ExoipProcess } from "../support/process.ts";
import { environmentOf, ofKind } from "./chart.ts";
import { put } from "./requirements.ts";
import type { Node } from "./yaml.ts";

/** Entries of secrets, by the secrets' names. */
export type Secrets = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Everything of the machine is there, but /run is the pod's. The program may be where its user cannot go. */
const ENTER = `
mount --make-rprivate /
touch "$0/run/exoip-program"
mount --bind "$1" "$0/run/exoip-program"
mount --rbind "$0/run" /run
shift
user=$1 group=$2 more=$3
shift 3
exec setpriv --reuid "$user" --regid "$group" --groups "$more" --bounding-set=-all --no-new-privs \\
  /run/exoip-program "$@"
`;

/** The pod of a node. */
export class Pod {
  readonly #folder: string;
  readonly #documents: readonly Node[];
  readonly #spec: Node;
  #version = 0;

  /** The folder is the pod's own. */
  constructor(folder: string, documents: readonly Node[]) {
    this.#folder = folder;
    this.#documents = documents;
    this.#spec = ofKind(documents, "DaemonSet").spec.template.spec;
  }

  /**
   * Does what the kubelet does at the start of the pod, and whenever a secret changes: it writes the files into a new
   * folder and points a link at it. These secrets are there besides those that the chart makes. `mode` replaces the
   * volumes' own.
   */
  async mount(secrets: Secrets, mode?: number): Promise<void> {
    this.#version += 1;
    const [container] = this.#spec.containers;
    for (const { name, mountPath } of container.volumeMounts) {
      const volume = this.#spec.volumes.find((each: Node) => each.name === name);
      const { secret, projected } = volume;
      if (!secret && !projected) continue;
      const parts = secret ? [{ name: secret.secretName, items: secret.items }] : projected.sources
        .map((source: Node) => source.secret);
      const files = parts.flatMap(({ name, items }: Node) =>
        items.map(({ key, path }: Node) => [path, this.#entry(secrets, name, key)] as const)
      );
      await this.#write(mountPath, files, mode ?? (secret ?? projected).defaultMode);
    }
  }

  #entry(secrets: Secrets, name: string, key: string): string {
    const made = ofKind(this.#documents, "Secret", name)?.stringData;
    const text = (made ?? secrets[name])?.[key];
    if (text === undefined) throw new Error(`the secret ${name} has no entry ${key}`);
    return text;
  }

  async #write(
    mountPath: string,
    files: ReadonlyArray<readonly [name: string, text: string]>,
    mode: number,
  ): Promise<void> {
    const { fsGroup } = this.#spec.securityContext;
    const volume = this.#folder + mountPath, version = `..2026_01_01_${this.#version}`;
    await Deno.mkdir(`${volume}/${version}`, { recursive: true });
    for (const [name, text] of files) {
      const path = `${volume}/${version}/${name}`;
      await put(path, text);
      await Deno.chown(path, 0, fsGroup);
      // With an fsGroup the kubelet lets the group read every file of a volume that is read-only.
      await Deno.chmod(path, mode | 0o440);
      await Deno.remove(`${volume}/${name}`).catch(() => "the first version");
      await Deno.symlink(`..data/${name}`, `${volume}/${name}`);
    }
    for (const [path, mode] of [["", 0o3777], [`/${version}`, 0o2755]] as const) {
      await Deno.chown(volume + path, 0, fsGroup);
      await Deno.chmod(volume + path, mode);
    }
    await Deno.symlink(version, `${volume}/..data_tmp`);
    await Deno.rename(`${volume}/..data_tmp`, `${volume}/..data`);
  }

  /** Starts exoip in it, with more arguments if wanted. */
  start(...args: string[]): ExoipProcess {
    const [{ args: own, securityContext }] = this.#spec.containers;
    const { runAsUser, runAsGroup } = securityContext;
    Deno.mkdirSync(`${this.#folder}/run/exoip`, { recursive: true });
    // As an emptyDir has it.
    Deno.chmodSync(`${this.#folder}/run/exoip`, 0o777);
    const user = [runAsUser, runAsGroup, this.#spec.securityContext.fsGroup].map(String);
    // The program comes before the user, because it is the first of what follows the command prefix.
    const enter = ["unshare", "--mount", "bash", "-euc", ENTER, this.#folder];
    return new ExoipProcess([...user, ...own, ...args], {
      env: environmentOf(this.#documents),
      wrap: enter,
    });
  }
}
