// Package quoting answers what images cost from what a survey shows: it tells
// pricing where images come from, who uses them, and what the cloud says of its
// prices.
package quoting
