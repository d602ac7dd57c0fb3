// The key that signs a repository, in a keyring of its own that is gone afterwards.
import { messageOf } from "../../src/core/message_of.ts";
import { tool } from "./tool.ts";

/** A secret key that is ready to sign. */
export class Key implements AsyncDisposable {
  private constructor(
    /** Folder of the keyring, for GNUPGHOME. */
    readonly home: string,
    readonly fingerprint: string,
    /** The public key, armoured. */
    readonly publicText: string,
  ) {}

  /** Reads one armoured secret key. Throws when there is none, several, or one with a passphrase. */
  static async open(text: string): Promise<Key> {
    const home = await Deno.makeTempDir({ prefix: "exoip-gpg-" });
    try {
      await gpg(home, ["--import"], text);
      const listed = await gpg(home, ["--with-colons", "--list-secret-keys"]);
      const keys = [...listed.matchAll(/^sec:.*\n(?:(?!fpr|sec).*\n)*fpr:+([0-9A-F]+):/gm)];
      const [fingerprint] = keys.map(([, each]) => each);
      if (fingerprint === undefined || keys.length > 1) {
        throw new Error(`the text holds ${keys.length} secret keys, wanted one`);
      }
      await gpg(home, ["--clear-sign"], "can it sign?").catch((error) => {
        throw new Error(
          `it must be able to sign, and have no passphrase and no end: ${messageOf(error)}`,
        );
      });
      return new Key(home, fingerprint, await gpg(home, ["--armor", "--export", fingerprint]));
    } catch (error) {
      await close(home);
      throw new Error(`the key to sign with: ${messageOf(error)}`);
    }
  }

  /** Writes the file's signature, armoured, beside it as FILE.asc. */
  async signBeside(path: string): Promise<void> {
    await gpg(this.home, ["--armor", "--detach-sign", path]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await close(this.home);
  }
}

function gpg(home: string, args: readonly string[], input = ""): Promise<string> {
  const quiet = ["--batch", "--quiet", "--no-tty", "--pinentry-mode", "error"];
  return tool(["gpg", "--homedir", home, ...quiet, ...args], { input, package: "gnupg" });
}

/** Ends the keyring's agent, and removes both. */
async function close(home: string): Promise<void> {
  await tool(["gpgconf", "--homedir", home, "--kill", "all"], { package: "gnupg" }).catch(() => {});
  await Deno.remove(home, { recursive: true });
}
