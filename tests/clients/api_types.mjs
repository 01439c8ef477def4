// The API's document comes in, TypeScript types go out.
import { text } from "node:stream/consumers";
import openapiTS, { astToString } from "openapi-typescript";

const document = JSON.parse(await text(process.stdin));
// What has a default may be left out of what is sent.
process.stdout.write(astToString(await openapiTS(document, { defaultNonNullable: false })));
