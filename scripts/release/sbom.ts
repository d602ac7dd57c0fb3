// The contents of a release, as SPDX 2.3: `deno task sbom` writes dist/exoip-VERSION-sbom.spdx.json. It lists
// everything that the program imports, the runtime in each binary, and the glibc files in the images.
import { output, replaceFile, sha256 } from "./files.ts";
import { sourceDateEpoch } from "./stage.ts";
import { VERSION } from "./targets.ts";

/** A part of the release. */
export interface Part {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Package URL. */
  readonly purl: string;
  readonly comment?: string;
}

/** The output of `deno info --json` for the program. */
export interface Info {
  readonly modules: readonly { specifier: string }[];
  readonly npmPackages?: Readonly<Record<string, { name: string; version: string }>>;
}

/** Licenses of third-party parts, as their authors state them. */
const LICENSES: Readonly<Record<string, string>> = { "smol-toml": "BSD-3-Clause", "@std": "MIT" };

/** All parts, from the program's own import graph. */
export function fragmentsOf(info: Info): Part[] {
  const text = info.modules.map(({ specifier }) => specifier).join("\n");
  const npm = Object.values(info.npmPackages ?? {})
    .filter(({ name, version }) => text.includes(`npm:/${name}@${version}`))
    .map(({ name, version }): Part => ({
      name,
      version,
      license: LICENSES[name] ?? "NOASSERTION",
      purl: `pkg:npm/${name}@${version}`,
    }));
  // From a checkout without links; a release uses the local stand-ins, which are ours.
  const jsr = new Map(
    [...text.matchAll(/https:\/\/jsr\.io\/@std\/([a-z-]+)\/(\d[^/\n]*)\//g)].map((
      [, name = "", version = ""],
    ) => [`@std/${name}`, version]),
  );
  const std = [...jsr].map(([name, version]): Part => ({
    name,
    version,
    license: LICENSES["@std"] ?? "",
    purl: `pkg:jsr/${name}@${version}`,
  }));
  return [...npm, ...std, ...runtimeParts()];
}

function runtimeParts(): Part[] {
  const { deno, v8 } = Deno.version;
  return [
    {
      name: "deno",
      version: deno,
      license: "MIT",
      purl: `pkg:github/denoland/deno@v${deno}`,
      comment: "the runtime part (denort) in every binary",
    },
    {
      name: "v8",
      version: v8,
      license: "BSD-3-Clause",
      purl: `pkg:generic/v8@${v8}`,
      comment: "in the runtime part",
    },
    {
      name: "glibc and libgcc",
      version: "of the system that the image was built on",
      license: "LGPL-2.1-or-later AND GPL-3.0-or-later WITH GCC-exception-3.1",
      purl: "pkg:generic/glibc",
      comment: "in root file systems and images only",
    },
  ];
}

/** The document. Its namespace follows from its content, so that the same content gives the same document. */
export async function spdx(
  parts: readonly Part[],
  createdAtSeconds: number,
): Promise<Record<string, unknown>> {
  const id = (name: string) => `SPDXRef-${name.replace(/[^A-Za-z0-9.]+/g, "-").replace(/^-/, "")}`;
  const own: Part = {
    name: "exoip",
    version: VERSION,
    license: "Apache-2.0",
    purl: `pkg:generic/exoip@${VERSION}`,
  };
  const digest = await sha256(new TextEncoder().encode(JSON.stringify(parts)));
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `exoip-${VERSION}`,
    documentNamespace: `https://spdx.org/spdxdocs/exoip-${VERSION}-${digest.slice(0, 32)}`,
    creationInfo: {
      created: new Date(createdAtSeconds * 1000).toISOString().replace(".000", ""),
      creators: ["Tool: deno task sbom"],
    },
    packages: [own, ...parts].map(({ name, version, license, purl, comment }) => ({
      name,
      SPDXID: id(name),
      versionInfo: version,
      downloadLocation: "NOASSERTION",
      filesAnalyzed: false,
      licenseConcluded: license,
      licenseDeclared: license,
      copyrightText: "NOASSERTION",
      externalRefs: [
        { referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: purl },
      ],
      ...(comment ? { comment } : {}),
    })),
    relationships: [
      {
        spdxElementId: "SPDXRef-DOCUMENT",
        relationshipType: "DESCRIBES",
        relatedSpdxElement: id(own.name),
      },
      ...parts.map(({ name }) => ({
        spdxElementId: id(own.name),
        relationshipType: "CONTAINS",
        relatedSpdxElement: id(name),
      })),
    ],
  };
}

if (import.meta.main) {
  const info: Info = JSON.parse(await output(Deno.execPath(), ["info", "--json", "main.ts"]));
  const path = `dist/exoip-${VERSION}-sbom.spdx.json`;
  const document = await spdx(fragmentsOf(info), sourceDateEpoch() ?? 0);
  await Deno.mkdir("dist", { recursive: true });
  await replaceFile(path, new TextEncoder().encode(JSON.stringify(document, null, 2) + "\n"));
  console.log(path);
}
