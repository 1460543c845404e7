// Counts the texts of a file (a JSON string a line) with sms-segments-calculator, and prints for each: encoding, units,
// segments, and the UTF-16 units of each grapheme where one is longer than one character.
const { createInterface } = require("node:readline");
const { createReadStream } = require("node:fs");
const { SegmentedMessage } = require("sms-segments-calculator");

createInterface({ input: createReadStream(process.argv[2]) }).on("line", (line) => {
  const counted = new SegmentedMessage(JSON.parse(line));
  const bits = counted.encodingName === "GSM-7" ? 7 : 16;
  const clusters = counted.graphemes.some((grapheme) => [...grapheme].length > 1);
  const found = [counted.encodingName, counted.messageSize / bits, counted.segmentsCount];
  process.stdout.write(JSON.stringify(clusters ? [...found, counted.graphemes.map((g) => g.length)] : found) + "\n");
});
