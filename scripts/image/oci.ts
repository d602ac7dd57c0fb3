// A container image as one loadable file: an OCI image layout, with the manifest.json of `docker save` beside its
// index, so that `docker load`, `podman load`, `ctr images import` and `skopeo copy oci-archive:` take it.
// Source: OCI image specification 1.1, image-layout.md, manifest.md, config.md.
import { sha256 } from "../release/files.ts";
import { type Entry, tar } from "./tar.ts";

/** Metadata of an image. */
export interface ImageFacts {
  /** `exoip:0.5.0`. */
  readonly name: string;
  readonly tag: string;
  readonly architecture: "amd64" | "arm64";
  /** A number, so that the image needs no /etc/passwd. */
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAtSeconds: number;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** An image with one layer. */
export interface Image {
  readonly archive: Uint8Array<ArrayBuffer>;
  /** Digest of the manifest, for pinning the image. */
  readonly digest: string;
}

/** Builds the archive from the root file system, given as a tar archive and compressed. */
export async function ociArchive(
  layer: { plain: Uint8Array<ArrayBuffer>; compressed: Uint8Array<ArrayBuffer> },
  facts: ImageFacts,
): Promise<Image> {
  const blobs: Entry[] = [];
  const blob = async (mediaType: string, bytes: Uint8Array<ArrayBuffer>): Promise<Descriptor> => {
    const digest = await sha256(bytes);
    blobs.push({ path: `blobs/sha256/${digest}`, bytes });
    return { mediaType, digest: `sha256:${digest}`, size: bytes.length };
  };
  const layers = [
    await blob("application/vnd.oci.image.layer.v1.tar+gzip", layer.compressed),
  ];
  const config = await blob(
    "application/vnd.oci.image.config.v1+json",
    json(imageConfig(facts, `sha256:${await sha256(layer.plain)}`)),
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = await blob(
    mediaType,
    json({ schemaVersion: 2, mediaType, config, layers, annotations: facts.labels }),
  );
  const annotations = {
    "org.opencontainers.image.ref.name": facts.tag,
    "io.containerd.image.name": `docker.io/library/${facts.name}`,
  };
  const platform = { architecture: facts.architecture, os: "linux" };
  const path = ({ digest }: Descriptor) => `blobs/${digest.replace(":", "/")}`;
  const entries: Entry[] = [
    ...blobs,
    { path: "oci-layout", bytes: json({ imageLayoutVersion: "1.0.0" }) },
    {
      path: "index.json",
      bytes: json({ schemaVersion: 2, manifests: [{ ...manifest, platform, annotations }] }),
    },
    {
      path: "manifest.json",
      bytes: json([{ Config: path(config), RepoTags: [facts.name], Layers: layers.map(path) }]),
    },
  ];
  return { archive: tar(entries, facts.createdAtSeconds), digest: manifest.digest };
}

function imageConfig(facts: ImageFacts, layerDigest: string): unknown {
  const created = new Date(facts.createdAtSeconds * 1000).toISOString().replace(".000", "");
  return {
    created,
    architecture: facts.architecture,
    os: "linux",
    config: {
      User: facts.user,
      Entrypoint: facts.entrypoint,
      WorkingDir: "/",
      Labels: facts.labels,
    },
    rootfs: { type: "layers", diff_ids: [layerDigest] },
    history: [{ created, created_by: "deno task image" }],
  };
}

function json(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}
