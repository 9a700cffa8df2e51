import fc from "fast-check";

const FLAGS = ["agent-forwarding", "port-forwarding", "pty", "touch-required", "user-rc", "verify-required"]
  .concat("x11-forwarding")
  .flatMap((flag) => [flag, `no-${flag}`]);

const VALUES = [
  'from="10.0.0.0/8"',
  'from="127.0.0.0/8"',
  'permitopen="localhost:1"',
  'permitopen="localhost:2"',
  'permitlisten="localhost:1"',
  'permitlisten="localhost:2"',
  'command="one"',
  'command="two, \\"three\\" \\\\ 100%%"',
  'tunnel="0"',
];

const TEMPLATED = ['command="serve %u of %n as %l, 100%%"', 'permitopen="%u.%n.example.com:22"'];

/** Lists as SSHKeys have them: anything that sshd takes. */
export const ownLists: fc.Arbitrary<string[]> = lists(
  fc.constantFrom("restrict", ...FLAGS),
  fc.constantFrom(...VALUES, 'environment="A=1"', 'tunnel="1"', 'command="a % sign"'),
);

/** Lists as AuthorizedKeys may have them; some are refused. */
export const targetLists: fc.Arbitrary<string[]> = lists(
  fc.constantFrom("restrict", "restrict", "restrict", ...FLAGS),
  fc.constantFrom(...VALUES, ...TEMPLATED, 'expiry-time="20990101Z"'),
);

function lists(flag: fc.Arbitrary<string>, valued: fc.Arbitrary<string>): fc.Arbitrary<string[]> {
  return fc
    .tuple(fc.array(flag, { maxLength: 5 }), fc.uniqueArray(valued, { maxLength: 3 }))
    .chain(([flags, values]) => fc.shuffledSubarray([...flags, ...values], { minLength: flags.length }));
}
