// Short names for what the API sends; their shapes are generated from its description (`npm run api`).
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Job = Omit<Schemas["Job"], "state"> & { state: string; attempts?: Schemas["Attempt"][] };
export type Step = Schemas["Step"];
export type LogChunk = Schemas["LogChunk"];
export type Server = Schemas["Server"];
export type ServerStatus = Schemas["ServerStatus"];
export type Reachable = Schemas["Reachable"];
export type Fingerprint = Schemas["Fingerprint"];
export type HostKey = Schemas["HostKey"];
export type App = Schemas["App"];
export type AppDetails = Schemas["AppDetails"];
export type Deployment = Schemas["Deployment"];
export type Dashboard = Schemas["Dashboard"];
export type Database = Schemas["Database"];
export type DatabaseCreated = Schemas["CreatedDatabase"];
export type Credentials = Schemas["Credentials"];
export type EnvVar = Schemas["EnvVar"];
export type Route = Schemas["Route"];
export type Key = Schemas["Key"];
export type NewKey = Schemas["NewKey"];
export type Session = Schemas["Session"];
export type Health = Schemas["Health"];
export type Enqueued = Schemas["Accepted"];
export type Message = Schemas["Message"];
export type ErrorBody = Schemas["Problem"];
export type Usage = Schemas["Usage"];
