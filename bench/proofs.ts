import { DEFAULT_POLICY } from "../src/claims/policy.ts";
import { readProof, verified } from "../src/claims/proof.ts";
import { keyFacts } from "../test/claims/keyfacts.ts";
import { cpuMs } from "../test/growth.ts";
import { type Signing, signings } from "../test/ssh/madesignatures.ts";
import { makeKey, makeProof, publicKeyLine } from "../test/ssh/signer.ts";
import type { Bench, Figure, Sample } from "./bench.ts";

const PROOFS = 20;
const ROUNDS = 40;

/** Reading and verifying one proof by each type of key, sound or not. One core, no API server. */
export const proofs: Bench = {
  name: "proofs",
  fixedKeys: PROOFS,
  async run(): Promise<readonly Sample[]> {
    const more: Signing[] = [
      { name: "rsa 4096", key: makeKey("ssh-rsa", { bits: 4096 }), fields: {} },
      { name: "mldsa44-ed25519", key: makeKey("ssh-mldsa44-ed25519@openssh.com"), fields: {} },
    ];
    return [...signings(), ...more].flatMap(({ name, key, fields }) => {
      const facts = keyFacts(publicKeyLine(key));
      const texts = Array.from({ length: PROOFS }, (_, index) => makeProof(key, `user-${index}`, fields));
      const least = (user: (index: number) => string) => {
        const pass = () => {
          for (const [index, text] of texts.entries()) {
            verified(readProof(text, user(index), facts, DEFAULT_POLICY.proofNamespace, undefined));
          }
        };
        return Math.min(...Array.from({ length: ROUNDS }, () => cpuMs(pass))) / PROOFS;
      };
      const sound: Figure = { name, unit: "ms", target: { most: 1 } };
      // Its user's name is tried with each end of a line.
      const unsound: Figure = { name: `${name}, of another user`, unit: "ms" };
      return [
        { figure: sound, value: least((index) => `user-${index}`) },
        { figure: unsound, value: least((index) => `user-${index + 1}`) },
      ];
    });
  },
};
