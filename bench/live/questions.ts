// A small set of questions over the example files, with what is true about them. Computed once with pandas, by hand.

export type Question = {
  readonly file: string;
  readonly words: string;
  /** Numbers that a right answer has, each within half a per cent; or words, in any case. */
  readonly expected: readonly (number | string)[];
  /** A chart must come back as well. */
  readonly wantsChart?: true;
};

export const QUESTIONS: readonly Question[] = [
  { file: "seattle_weather.csv", words: "How much rain fell in 2014 in total, in mm?", expected: [1232.8] },
  { file: "seattle_weather.csv", words: "What was the hottest temperature in the data?", expected: [35.6] },
  {
    file: "seattle_weather.csv",
    words: "How many days in a row was it dry at most (no precipitation at all)?",
    expected: [48],
  },
  {
    file: "seattle_weather.csv",
    words: "On which date did most rain fall, and how much was it?",
    expected: [55.9, "2015"],
  },
  { file: "seattle_weather.csv", words: "On how many days was the maximum temperature above 30 °C?", expected: [53] },
  {
    file: "seattle_weather.csv",
    words: "What is the correlation of maximum and minimum temperature?",
    expected: [0.876],
  },
  { file: "seattle_weather.csv", words: "Which month of the year is the wettest on average?", expected: ["November"] },
  { file: "seattle_weather.csv", words: "Plot the precipitation per month over time", expected: [], wantsChart: true },
  { file: "iowa_electricity.csv", words: "How many GWh came from renewables over all years?", expected: [164220] },
  { file: "iowa_electricity.csv", words: "What share of all generation was nuclear, in percent?", expected: [9.27] },
  {
    file: "iowa_electricity.csv",
    words: "Draw the generation by source over the years",
    expected: [],
    wantsChart: true,
  },
  { file: "us_employment.tsv", words: "How many months does this file cover?", expected: [120] },
  { file: "bird_strikes.csv", words: "Which airport has most strikes, and how many?", expected: ["Dallas", 229] },
  { file: "bird_strikes.csv", words: "In which phase of flight do most strikes happen?", expected: ["approach"] },
  { file: "bird_strikes.csv", words: "How many strikes happened at night?", expected: [833] },
  {
    file: "bird_strikes.csv",
    words: "Show the ten airports with most strikes as a bar chart",
    expected: [],
    wantsChart: true,
  },
];
