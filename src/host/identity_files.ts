// The instance id as stored on the machine, for when the network does not tell it. Data of this boot comes before data
// on a disk: a copied disk has the id of the machine that it was copied from.
import { isUuid } from "../core/uuid.ts";

/** A place where the id may be stored. */
export interface Place {
  readonly title: string;
  readonly value: (signal: AbortSignal) => Promise<string>;
}

/** What reading needs from the machine. */
export interface Disk {
  readonly root: string;
  readonly readTextFile: (path: string, options: { signal: AbortSignal }) => Promise<string>;
  /** The beginning of a file or device, at most `maxBytes` bytes, each as one character. */
  readonly readStart?: (path: string, maxBytes: number) => Promise<string>;
}

const RUN = "/run/cloud-init", CIDATA = "/dev/disk/by-label/cidata";
const REMEMBERED = "/var/lib/cloud/data/instance-id";
/** How much of the meta-data drive is searched; the tools that make such drives write less. */
const CIDATA_MAX_BYTES = 4 * 1024 * 1024;

/**
 * Most reliable first. Any user may read the files of cloud-init. Only root may read the system UUID, which equals the
 * instance id on Exoscale, and the drive of a private instance, which need not be mounted.
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
        // cloud-init rewrites it at each boot. If cloud-init no longer runs, the id may be another machine's.
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

/** Searches the raw drive: its files are small, so each is contiguous. */
function idOnDrive(bytes: string): string {
  const lines = bytes.matchAll(/^instance-id:[ \t]*["']?([0-9a-f-]{36})["']?[ \t]*\r?$/gim);
  const ids = new Set([...lines].map(([, id = ""]) => id.toLowerCase()).filter(isUuid));
  const [id, ...others] = ids;
  if (id === undefined) throw new Error("it has no instance id");
  if (others.length > 0) throw new Error("it has several instance ids");
  return id;
}
