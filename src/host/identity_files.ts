// What the machine itself knows of its instance id, where no network tells. What is of this boot goes before what a
// disk remembers: a disk that was copied remembers the machine that it was copied from.
import { isUuid } from "../core/uuid.ts";

/** One place to look at. */
export interface Place {
  readonly title: string;
  readonly value: (signal: AbortSignal) => Promise<string>;
}

/** What reading needs of the machine. */
export interface Disk {
  readonly root: string;
  readonly readTextFile: (path: string, options: { signal: AbortSignal }) => Promise<string>;
  /** The beginning of a file or device, at most that many bytes, each as one character. */
  readonly readStart?: (path: string, maxBytes: number) => Promise<string>;
}

const RUN = "/run/cloud-init", CIDATA = "/dev/disk/by-label/cidata";
const REMEMBERED = "/var/lib/cloud/data/instance-id";
/** Of the drive with the meta-data so much is searched; the tools that make one write less. */
const CIDATA_MAX_BYTES = 4 * 1024 * 1024;

/**
 * In the order of their worth. Anybody may read what cloud-init has left; root alone the system UUID, which equals the
 * instance id on Exoscale, and the drive of a private instance, which need not be mounted for that.
 */
export function identityPlaces({ root, readTextFile, readStart }: Disk): Place[] {
  const text = (path: string) => (signal: AbortSignal) => readTextFile(root + path, { signal });
  const drive: Place = {
    title: `meta-data on ${CIDATA}`,
    value: async () => idOnDrive(await readStart!(root + CIDATA, CIDATA_MAX_BYTES)),
  };
  return [
    {
      title: `${RUN}/instance-data.json`,
      value: async (signal) => idIn(await text(`${RUN}/instance-data.json`)(signal)),
    },
    { title: `${RUN}/.instance-id`, value: text(`${RUN}/.instance-id`) },
    {
      title: "system UUID in /sys/class/dmi/id/product_uuid",
      value: text("/sys/class/dmi/id/product_uuid"),
    },
    ...(readStart ? [drive] : []),
    {
      title: REMEMBERED,
      async value(signal) {
        // cloud-init writes it anew at each boot. Where it does not run any more, it may be that of another machine.
        await text(`${RUN}/status.json`)(signal).catch(() => {
          throw new Error("cloud-init has not run since the boot, so it may be another machine's");
        });
        return await text(REMEMBERED)(signal);
      },
    },
  ];
}

function idIn(json: string): string {
  const { v1 } = JSON.parse(json) as { v1?: Record<string, unknown> };
  const id = v1?.instance_id ?? v1?.["instance-id"];
  if (typeof id !== "string") throw new Error("it has no instance id");
  return id;
}

/** The drive is searched as it is: its files are small, and so in one piece. */
function idOnDrive(bytes: string): string {
  const lines = bytes.matchAll(/^instance-id:[ \t]*["']?([0-9a-f-]{36})["']?[ \t]*\r?$/gim);
  const ids = new Set([...lines].map(([, id = ""]) => id.toLowerCase()).filter(isUuid));
  const [id, ...others] = ids;
  if (id === undefined) throw new Error("it has no instance id");
  if (others.length > 0) throw new Error("it has several instance ids");
  return id;
}
