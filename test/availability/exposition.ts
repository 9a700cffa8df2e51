/** One line of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric with what describes it. */
export interface Family {
  readonly help: string | undefined;
  readonly type: string | undefined;
  readonly samples: Sample[];
}

/** What one scrape of /metrics gave. */
export interface Scrape {
  readonly contentType: string;
  readonly text: string;
  /** By metric name; the series of a histogram belong to the histogram. */
  readonly families: ReadonlyMap<string, Family>;
  samples(name: string): readonly Sample[];
  /** The sum over the samples whose labels include these. */
  value(name: string, labels?: Readonly<Record<string, string>>): number;
}

/** Asks `host:port` for its metrics. */
export async function scrape(address: string): Promise<Scrape> {
  const answer = await fetch(`http://${address}/metrics`);
  const text = await answer.text();
  const families = parseExposition(text);
  const samples = (name: string) => families.get(name)?.samples ?? [];
  return {
    contentType: answer.headers.get("content-type") ?? "",
    text,
    families,
    samples,
    value: (name, labels = {}) =>
      samples(name)
        .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
        .reduce((sum, { value }) => sum + value, 0),
  };
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const DESCRIPTION = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`);
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\\\|\\"|\\n)*)"(?:,|$)/y;
const TYPES: ReadonlySet<string> = new Set(["counter", "gauge", "histogram", "summary", "untyped"]);

/** Reads Prometheus' text format, version 0.0.4; throws at the first line that is none of it. */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const families = new Map<string, { help?: string; type?: string; samples: Sample[] }>();
  const family = (name: string) => {
    const known = families.get(name) ?? { samples: [] };
    families.set(name, known);
    return known;
  };
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, kind, described = "", rest = ""] = DESCRIPTION.exec(line) ?? [];
    if (kind === "HELP") family(described).help = rest;
    else if (kind === "TYPE") {
      if (!TYPES.has(rest)) throw new Error(`no such type: ${line}`);
      family(described).type = rest;
    } else {
      const sample = parseSample(line);
      const base = sample.name.replace(/_(bucket|sum|count)$/, "");
      family(families.get(base)?.type === "histogram" ? base : sample.name).samples.push(sample);
    }
  }
  return new Map(
    [...families].map(([name, { help, type, samples }]) => [name, { help, type, samples }] as const),
  );
}

function parseSample(line: string): Sample {
  const [, name, inside = "", number = ""] = SAMPLE.exec(line) ?? [];
  const value = number === "+Inf" ? Number.POSITIVE_INFINITY : Number(number);
  // Prometheus takes any case; prom-client writes Nan for the mean of nothing.
  if (name === undefined || (Number.isNaN(value) && number.toLowerCase() !== "nan"))
    throw new Error(`no sample: ${line}`);
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < inside.length) {
    const [, label, text] = LABEL.exec(inside) ?? [];
    if (label === undefined || text === undefined) throw new Error(`no labels: ${line}`);
    labels[label] = text;
  }
  return { name, labels, value };
}
