import type { State } from "../../api/states.ts";

/** Every text of the pages, to be translated in one place. Names of what people see in kubectl stay as they are there. */
export const TEXTS = {
  product: "SSH keys",
  skip: "Skip to the content",
  nav: { keys: "My keys", people: "People", who: "Who is it?", signOut: "Sign out" },
  signedInAs: (user: string) => `Signed in as ${user}`,
  list: {
    title: "My SSH keys",
    titleOf: (user: string) => `SSH keys of ${user}`,
    add: "Add a key",
    search: "Search title, comment and fingerprint",
    columns: { title: "Title", fingerprint: "Fingerprint", type: "Type", created: "Added", state: "State" },
    nothingFound: (search: string) => `No key matches “${search}”.`,
    count: (shown: number, all: number) =>
      `${shown === all ? "" : `${shown} of `}${all === 1 ? "1 key" : `${all} keys`}`,
  },
  paging: {
    search: "Search",
    pages: "Pages",
    previous: "Previous",
    next: "Next",
    page: (page: number, pages: number) => `Page ${page} of ${pages}`,
  },
  people: {
    title: "People",
    search: "Search names",
    columns: { user: "Name", keys: "Keys", problems: "With problems", states: "States" },
    count: (shown: number, all: number) => (shown === all ? `${all} people` : `${shown} of ${all} people`),
    nobody: "Nobody has keys here yet.",
    nothingFound: (search: string) => `Nobody who has keys here is called “${search}”.`,
    /** Whoever has none is in no list. */
    other: "Keys of somebody who has none yet",
    otherHelp: "The whole name, as the SSHKeys of that person are to have it.",
    otherButton: "Show",
    noUser: "No user can have this name: look how it is spelled.",
    noKeys: (user: string) => `${user} has no SSH key here.`,
    addFor: (user: string) => `Add an SSH key for ${user}`,
  },
  empty: {
    title: "You have no SSH key here yet",
    explanation:
      "An SSH key lets you log in without a password. It has two halves: the private one stays on your computer, the public one goes here.",
    how: "Make a key, then add the public half:",
    systems: [
      {
        name: "Linux and macOS",
        command: (newKey: string, file: string) => `${newKey} && cat ~/.ssh/${file}.pub`,
      },
      {
        name: "Windows (PowerShell)",
        command: (newKey: string, file: string) => `${newKey}; Get-Content $HOME\\.ssh\\${file}.pub`,
      },
    ],
  },
  form: {
    title: "Add an SSH key",
    key: "Public key",
    keyHelp:
      "The line of the .pub file: it begins with a type such as ssh-ed25519. Paste it, or drop the file here.",
    file: "Or choose the .pub file",
    others: "Further keys",
    othersHelp: "They are filled in one after the other, once the key above is added.",
    name: "Title",
    nameHelp: "What you call this key, such as the computer that has it. Optional.",
    expires: "Expires on",
    expiresHelp: "The last day on which the key works, in UTC. Optional.",
    expiresBy: (day: string) => `The last day on which the key works, in UTC: ${day} or an earlier one.`,
    options: "Options",
    optionsHelp:
      'Options of authorized_keys that limit the key, one a line, such as restrict or from="10.0.0.0/8". Optional.',
    submit: "Add the key",
    cancel: "Cancel",
    problems: "The key was not added yet",
    skip: "Leave this key out",
    skipped: "That key was left out. Here is the next one.",
    tooOld: "This form had been open for too long, so nothing was stored. Look at it, then add the key.",
    /** What is said while the form is filled, in place of what is said when it was sent; by the code of the problem. */
    meanwhile: {
      Changed: "A key can be made of this: add it, and you will see it first.",
      SeveralKeys: "These are several keys: add them, and they will be taken one by one.",
      OptionsMoved:
        "The options before the key have a field of their own: add the key, and you will see both first.",
      OptionsLeftOut:
        "Options stand before the key, which only administrators can give: add it, and you will see the key without them first.",
    },
    good: (type: string, bits: number, fingerprint: string) =>
      `This key can be added: ${type}, ${bits} bits, ${fingerprint}`,
  },
  draft: {
    title: "Sign in to add the key",
    explanation:
      "Your session has ended. Nothing was stored, and what you typed is not lost: leave this page open.",
    signIn: "Sign in, in another tab",
    goOn: "Go on with the form",
    limit: (minutes: number) => `What you typed is kept for ${minutes} minutes.`,
    back: "Here is what you typed before your session ended. Nothing was stored yet: look at it, then add the key.",
    over: "It took too long to sign in: fill the form again.",
    another: "Somebody else filled this form. Nothing of it was stored or is shown: fill a new one.",
    signedInTitle: "You are signed in",
    signedIn: "Close this tab, and go on in the one that has your form.",
  },
  who: {
    title: "Who is it?",
    text: "Fingerprints, keys, or the log of sshd",
    help: (lines: number) =>
      `One a line, up to ${lines}: SHA256 or MD5 as ssh-keygen -l prints it, the line of a .pub file, or what sshd, syslog or journalctl has written.`,
    submit: "Who is it?",
    answers: "Answers",
    columns: { line: "Line", keys: "Whose" },
    nobody: "Nobody here has this key",
    more: (more: number) => `and ${more} more with this key`,
    noKey: "This line names no key.",
    cut: "journalctl has left out the message, because it is long: use journalctl --all.",
    left: (left: number, most: number) =>
      `Not looked at: ${left} further ${left === 1 ? "line" : "lines"}. Paste ${most} at a time.`,
    outcomes: {
      accepted: "Logged in",
      partial: "Was right, and sshd asks for more than a key",
      failed: "Was refused",
      offered: "Was offered, without a login yet",
      mentioned: "Is named",
    },
    /** `user` and `address` are what sshd wrote: empty where the line has none. */
    mention: (outcome: string, user: string, address: string) =>
      `${outcome}${user === "" ? "" : ` as ${user}`}${address === "" ? "" : ` from ${address}`}`,
  },
  detail: {
    fingerprint: "Fingerprint (SHA-256)",
    fingerprintMD5: "Fingerprint (MD5)",
    randomart: "Randomart",
    type: "Type",
    length: "Length",
    bits: (bits: number) => `${bits} bits`,
    comment: "Comment",
    created: "Added",
    lastUsed: "Last used",
    owner: "Owner",
    expires: "Expires",
    options: "Options",
    proof: "Proof of possession",
    addProof: "Add a proof",
    replaceProof: "Replace the proof",
    usedByPods: "Used by pods",
    pods: (count: number) => (count === 1 ? "1 pod" : `${count} pods`),
    usedByTargets: "Taken by AuthorizedKeys",
    targets: (count: number) => (count === 1 ? "1 AuthorizedKeys" : `${count} AuthorizedKeys`),
    takenIn: (namespace: string) => `Taken in ${namespace}`,
    lookedAt: "Looked at",
    places: (own: string, others: readonly string[]) =>
      others.length === 0
        ? `Pods and AuthorizedKeys of the namespace ${own}. AuthorizedKeys of other namespaces are not looked at, and may take the key, too.`
        : `Pods and AuthorizedKeys of the namespace ${own}, and AuthorizedKeys that name it in ${others.join(", ")}. Those of further namespaces are not looked at, and may take the key, too.`,
    notKnown: "not known now: load the page again in a moment, or ask your administrator",
    state: "State",
    key: "Public key",
    raw: "Raw key",
    copy: "Copy",
    disable: "Disable",
    enable: "Enable",
    delete: "Delete",
    whatToDo: "What to do",
    advice: "Advice",
  },
  proof: {
    title: (title: string) => `Proof of possession of ${title}`,
    explanation:
      "A proof shows that you have the private half of this key, so that nobody who has copied the public half can take the key from you. It is no secret.",
    folded: "Proof of possession (optional)",
    field: "Proof of possession",
    help: "Run this where the private key is, with its file behind -f (on Windows in Git Bash), and paste all that it prints:",
    required: {
      allKeys: "Keys without a proof do not work here.",
      securityKeys:
        "Security keys work here only with a proof that was made with their PIN or a biometric. Other keys need none.",
    },
    submit: "Store the proof",
    problems: "The proof was not stored",
    cancel: "Cancel",
    tooOld: "This form had been open for too long, so nothing was stored. Look at it, then store the proof.",
    signIn: "Sign in to store the proof",
    back: "Here is what you typed before your session ended. Nothing was stored yet: look at it, then store the proof.",
    proven: "Proven",
    waiting: "Pending",
    waitingMessage: "The proof is being looked at; this takes a moment.",
    none: "None.",
    notNeeded: "None; it is not needed.",
    /** What the authenticator of a security key has said of itself. */
    madeWith: ({ touched, userVerified }: { readonly touched: boolean; readonly userVerified: boolean }) =>
      `It was made ${touched ? "with" : "without"} a touch and ${userVerified ? "with" : "without"} PIN or biometric.`,
  },
  delete: {
    title: (title: string) => `Delete ${title}?`,
    question:
      "Do you really want to delete the SSH key? Whoever has its private half can log in with it no more.",
    confirm: "Delete the key",
    cancel: "Cancel",
  },
  notices: {
    added: (title: string) => `Key ${title} successfully added.`,
    deleted: (title: string) => `SSH key ${title} successfully deleted.`,
    disabled: (title: string) => `Key ${title} is disabled: nobody can log in with it until you enable it.`,
    enabled: (title: string) => `Key ${title} is enabled.`,
    proofGiven: (title: string) => `The proof of key ${title} is stored.`,
  },
  states: {
    unknown: "Pending",
    unknownMessage: "The key is being looked at: load the page again in a moment.",
    /** Where something can be done about it on these pages; it stands behind the message, which says what else. */
    whatToDo: {
      Pending: "Load the page again in a moment. If it stays so, the message says why.",
      SecretConflict: "Tell your administrator what the message says.",
      Disabled: "Enable it on its page to log in with it again.",
      Expired: "Delete it and add it again with a later date, or add another one.",
      Invalid: "Delete it and add it again as the message says.",
      Compromised: "Add a new key, and delete this one.",
      Revoked: "Add a new key, and delete this one.",
      Weak: "Add a new key, and delete this one.",
      Unproven: "Add a proof on its page.",
      Duplicate: "Delete it, add a proof on its page, or use another key, as the message says.",
      SecretFull: "Delete another key.",
    } as Partial<Record<State, string>>,
  },
  problems: {
    notFound: { title: "There is no such page", text: "Nothing is here, or it is not yours." },
    forbidden: { title: "You may not do this", text: "Ask your administrator for the right." },
    unavailable: {
      title: "The cluster cannot be reached",
      text: "Nothing was changed. Try again in a moment.",
    },
    notSetUp: {
      title: "This portal is not set up yet",
      text: "The namespace for your keys does not exist. Nothing was changed: ask your administrator to make it.",
    },
    unexpected: {
      title: "Something went wrong",
      text: "Nothing is known to have been changed. Try again; if it goes on, tell your administrator the number below.",
    },
    stale: {
      title: "This form is out of date",
      text: "Nothing was changed. Go back, load the page again and repeat it.",
    },
    tooLarge: {
      title: "This is too much",
      text: "What you sent is far larger than a key. Nothing was stored: go back, and paste the one line of your .pub file.",
    },
    signIn: { title: "Sign in", text: "Sign in to see and change your SSH keys." },
    refused: { title: "You cannot be let in", text: "Ask your administrator." },
    tooMany: {
      title: "Too many requests",
      text: "Nothing was changed. Try again in a few minutes.",
    },
    portalMayNot:
      "The cluster does not let this portal do it. Nothing was changed: tell your administrator, who finds the reason in the portal's log.",
    gone: "This key has been deleted meanwhile. Nothing was changed.",
    signInAgain: "Sign in",
    back: "Back to the keys",
    request: (id: string) => `Request ${id}`,
  },
  /** By status, as plain text, of what could not be read as a request. */
  unreadable: {
    400: "The portal cannot read this request. Nothing was changed.\n",
    408: "The request took too long to arrive. Nothing was changed: try again.\n",
    413: "The request is larger than any that the portal takes. Nothing was changed.\n",
    431: "The headers of the request are larger than 64 KB. Nothing was changed. In a browser, delete the cookies of this site, then load the page again.\n",
  },
} as const;

/** What the script says; the browser loads these texts alone. */
export const SCRIPT_TEXTS = {
  copy: "Copy",
  copied: "Copied",
  isPrivate:
    "This is a private key. It was not sent and must never be: give its public half, the file that ends in .pub.",
  privateFile: (name: string) =>
    `${name} is a private key. It was not sent and must never be: choose its public half, the file that ends in .pub.`,
  signedOut:
    "Your session has ended. Add the key: you will be asked to sign in, and nothing that you typed is lost.",
  tooLarge: (name: string) => `${name} is far larger than a key: choose the file that ends in .pub.`,
  expires: "The last day on which the key works, in your time zone. Optional.",
  expiresBy: (day: string) =>
    `The last day on which the key works, in your time zone: ${day} or an earlier one.`,
} as const;
