package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"imagekeeper/shared/pricing"
)

// longest is how large an answer may be.
const longest = 64 << 20

// patience is how long an answer may take; the function itself has a minute.
const patience = 2 * time.Minute

// run prints the template for an answer of price: of the report at an address, or
// of what is read from in.
func run(ctx context.Context, address, tokenFile string, in io.Reader, out io.Writer) error {
	if address != "" {
		body, err := ask(ctx, address, tokenFile)
		if err != nil {
			return err
		}
		in = bytes.NewReader(body)
	}
	text, err := template(in)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, text)
	return err
}

// ask asks for the report.
func ask(ctx context.Context, address, tokenFile string) ([]byte, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(address, "/")+"/prices?limit=1", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	if tokenFile != "" {
		token, err := os.ReadFile(tokenFile)
		if err != nil {
			return nil, fmt.Errorf("token: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	reply, err := (&http.Client{Timeout: patience}).Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask for the report: %w", err)
	}
	defer func() { _ = reply.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(reply.Body, longest))
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	if reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the report: status %d: %.300s", reply.StatusCode, body)
	}
	return body, nil
}

// template is PRICE_RATES with the missing rates of an answer.
func template(in io.Reader) (string, error) {
	var answer struct {
		MissingRates *[]pricing.WantedRate `json:"missingRates"`
	}
	if err := json.NewDecoder(io.LimitReader(in, longest)).Decode(&answer); err != nil {
		return "", fmt.Errorf("no answer of price: %w", err)
	}
	if answer.MissingRates == nil {
		return "", errors.New("no answer of price: it does not say which rates are missing")
	}
	lines := make([]string, len(*answer.MissingRates))
	for n, rate := range *answer.MissingRates {
		line, err := json.Marshal(rate)
		if err != nil {
			return "", fmt.Errorf("rate %d: %w", n, err)
		}
		lines[n] = "  " + string(line)
	}
	if len(lines) == 0 {
		return `{"rates": []}`, nil
	}
	return "{\"rates\": [\n" + strings.Join(lines, ",\n") + "\n]}", nil
}
