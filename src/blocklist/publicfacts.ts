import { decodeKeyBlob } from "../ssh/blob.ts";
import { type HashedPart, hashesOf, type Section } from "./blocklist.ts";
import { HashList } from "./hashlist.ts";

/** Keys whose private half has been published, of which everybody who looks can know. */
interface PublicFact {
  /** What they are, since when that is known, and where it is told. */
  readonly source: string;
  /** The blobs, in base64: these keys are found whatever stands around them. */
  readonly keys?: readonly string[];
  /** Where nothing but the fingerprints is told: those very keys are found. */
  readonly fingerprints?: readonly string[];
}

export const PUBLIC_FACTS: readonly PublicFact[] = [
  {
    // SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8, as https://docs.github.com listed it until that day.
    source:
      "GitHub's RSA host key, replaced on 2023-03-24: https://github.blog/2023-03-23-we-updated-our-rsa-ssh-host-key/",
    keys: [
      "AAAAB3NzaC1yc2EAAAABIwAAAQEAq2A7hRGmdnm9tUDbO9IDSwBK6TbQa+PXYPCPy6rbTrTtw7PHkccKrpp0yVhp5HdEIcKr6pLlVDBfOLX9QUsyCOV0wzfjIJNlGEYsdlLJizHhbn2mUjvSAHQqZETYP81eFzLQNnPHt4EVVUh7VfDESU84KezmD5QlWpXLmvU31/yMf+Se8xhHTvKSCZIFImWwoG6mbUoWf9nzpIoaSjB+weqqUUmpaaasXVal72J+UX2B+2RPW3RcT0eOzQgqlJL3RKrTJvdsjE3JEAvGq3lGHSZXy28G3skua2SmVi/w4yCE6gbODqnTWlg7+wC604ydGXA8VJiS5ap43JXiUFFAaQ==",
    ],
  },
  {
    source:
      "Vagrant's insecure keys, RSA and since 2023 Ed25519: https://github.com/hashicorp/vagrant/tree/main/keys",
    keys: [
      "AAAAB3NzaC1yc2EAAAABIwAAAQEA6NF8iallvQVp22WDkTkyrtvp9eWW6A8YVr+kz4TjGYe7gHzIw+niNltGEFHzD8+v1I2YJ6oXevct1YeS0o9HZyN1Q9qgCgzUFtdOKLv6IedplqoPkcmF0aYet2PkEDo3MlTBckFXPITAMzF8dJSIFo9D8HfdOV0IAdx4O7PtixWKn5y2hMNG0zQPyUecp4pzC6kivAIhyfHilFR61RGL+GPXQ2MWZWFYbAGjyiYJnAmCP3NOTd0jMZEnDkbUvxhMmBYSdETk1rRgm+R4LOzFUGaHqHDLKLX+FIPKcF96hrucXzcWyLbIbEgE98OHlnVYCzRdK8jlqm8tehUc9c9WhQ==",
      "AAAAC3NzaC1lZDI1NTE5AAAAIN1YdxBpNlzxDqfJyw/QKow1F+wvG9hXGoqiysfJOn5Y",
    ],
  },
  {
    source:
      "the ten keys that GitLab bans since 15.1 of 2022: https://gitlab.com/gitlab-org/gitlab/-/merge_requests/87541",
    fingerprints: [
      "SHA256:Z+q4XhSwWY7q0BIDVPR1v/S306FjGBsid7tLq/8kIxM",
      "SHA256:uy5wXyEgbRCGsk23+J6f85om7G55Cu3UIPwC7oMZhNQ",
      "SHA256:9prMbqhS4QteoFQ1ZRJDqSBLWoHXPyKB0iWR05Ghro4",
      "SHA256:1M4RzhMyWuFS/86uPY/ce2prh/dVTHW7iD2RhpquOZA",
      "SHA256:2ewGtK7Dc8XpnfNKShczdc8HSgoEGpoX+MiJkfH2p5I",
      "SHA256:/JLp6z6uGE3BPcs70RQob6QOdEWQ6nDC0xY7ejPOCc0",
      "SHA256:whDP3xjKBEettbDuecxtGsfWBST+78gb6McdB9P7jCU",
      "SHA256:MEc4HfsOlMqJ3/9QMTmrKn5Xj/yfnMITMW8EwfUfTww",
      "SHA256:aPoYT2nPIfhqv6BIlbCCpbDjirBxaDFOtPfZ2K20uWw",
      "SHA256:VtjqZ5fiaeoZ3mXOYi49Lk9aO31iT4pahKFP9JPiQPc",
    ],
  },
];

export function publicFacts(): readonly Section[] {
  return PUBLIC_FACTS.flatMap(({ source, keys = [], fingerprints = [] }) => {
    const hashes: Readonly<Record<Exclude<HashedPart, "sha1">, readonly Buffer[]>> = {
      number: keys.flatMap(numbersOf),
      fingerprint: fingerprints.map((each) => Buffer.from(each.slice("SHA256:".length), "base64")),
    };
    return (["number", "fingerprint"] as const)
      .filter((of) => hashes[of].length > 0)
      .map((of) => ({ reason: "PublishedKey", of, source, hashes: HashList.of(hashes[of]) }) as const);
  });
}

function numbersOf(key: string): readonly Buffer[] {
  const decoded = decodeKeyBlob(Buffer.from(key, "base64"));
  if (!decoded.ok) throw new Error(`a public fact is no key: ${decoded.refusal.message}`);
  return hashesOf(decoded.value, "number");
}
