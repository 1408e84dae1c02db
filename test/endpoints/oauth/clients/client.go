// Takes golang.org/x/oauth2 through the API, and prints what it saw as JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

type metadata struct {
	TokenEndpoint      string `json:"token_endpoint"`
	RevocationEndpoint string `json:"revocation_endpoint"`
}

type chain struct {
	TokenURL    string `json:"tokenUrl"`
	Scope       string `json:"scope"`
	Called      int    `json:"called"`
	IsRenewed   bool   `json:"isRenewed"`
	Revoked     int    `json:"revoked"`
	Renewed     int    `json:"renewed"`
	WrongSecret string `json:"wrongSecret"`
	TooWide     string `json:"tooWide"`
}

var ctx = context.Background()

func main() {
	found := discover(os.Getenv("ISSUER"))
	config := func(secret, scope string) *clientcredentials.Config {
		return &clientcredentials.Config{
			ClientID:     os.Getenv("CLIENT_ID"),
			ClientSecret: secret,
			TokenURL:     found.TokenEndpoint,
			Scopes:       strings.Split(scope, " "),
		}
	}
	secret, scope := os.Getenv("CLIENT_SECRET"), os.Getenv("SCOPE")
	first := tokenOf(config(secret, scope))
	called := statusOf(first)
	second := tokenOf(config(secret, scope))
	revoke(found.RevocationEndpoint, secret, first.AccessToken)
	must(json.NewEncoder(os.Stdout).Encode(chain{
		TokenURL:    found.TokenEndpoint,
		Scope:       first.Extra("scope").(string),
		Called:      called,
		IsRenewed:   first.AccessToken != second.AccessToken,
		Revoked:     statusOf(first),
		Renewed:     statusOf(second),
		WrongSecret: errorOf(config(secret+"x", scope)),
		TooWide:     errorOf(config(secret, "customers.delete")),
	}))
}

func discover(issuer string) (found metadata) {
	response, err := http.Get(issuer + "/.well-known/oauth-authorization-server")
	must(err)
	defer response.Body.Close()
	must(json.NewDecoder(response.Body).Decode(&found))
	return
}

func tokenOf(config *clientcredentials.Config) *oauth2.Token {
	token, err := config.Token(ctx)
	must(err)
	return token
}

func statusOf(token *oauth2.Token) int {
	client := oauth2.NewClient(ctx, oauth2.StaticTokenSource(token))
	response, err := client.Get(os.Getenv("CUSTOMERS_URL"))
	must(err)
	defer response.Body.Close()
	return response.StatusCode
}

func revoke(endpoint, secret, token string) {
	body := strings.NewReader(url.Values{"token": {token}}.Encode())
	request, err := http.NewRequest("POST", endpoint, body)
	must(err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(os.Getenv("CLIENT_ID"), url.QueryEscape(secret))
	response, err := http.DefaultClient.Do(request)
	must(err)
	defer response.Body.Close()
	if response.StatusCode != 200 {
		panic(response.Status)
	}
}

func errorOf(config *clientcredentials.Config) string {
	_, err := config.Token(ctx)
	var failed *oauth2.RetrieveError
	if !errors.As(err, &failed) {
		return "none"
	}
	var body struct{ Error string }
	must(json.Unmarshal(failed.Body, &body))
	return body.Error
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
