// Package pricing says what an image costs, by which rule, and who pays.
//
// Price is a pure function from a Question (the image, its ultimate Source, how
// and how long an instance is charged, what DescribePrice and the snapshot calls
// answered) and the Rates (published and dated, overlaid by negotiated ones) to a
// Quote: one Line for each thing that is charged. Nothing here reads the cloud,
// the clock or the environment.
//
// Amounts are exact. What cannot be known is unknown with its reasons, or a range
// with both ends; it is never zero. A total exists only if every line is known.
package pricing
