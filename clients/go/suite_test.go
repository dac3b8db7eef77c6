package tessera_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	tessera "tessera.example/client"
	identityv1 "tessera.example/client/erp/identity/v1"
)

const password = "a long way to Tipperary"

// A real suite for the tests: the one at TESSERA_URL, else the one that the program TESSERA_ALL starts.
var address string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	address = strings.TrimSuffix(os.Getenv("TESSERA_URL"), "/")
	if program := os.Getenv("TESSERA_ALL"); address == "" && program != "" {
		stop, err := start(program)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer stop()
	}
	return m.Run()
}

func start(program string) (func(), error) {
	home, err := os.MkdirTemp("", "tessera-go-")
	if err != nil {
		return nil, err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	listen := free.Addr().String()
	_ = free.Close()
	says := filepath.Join(home, "suite.log")
	log, err := os.Create(says)
	if err != nil {
		return nil, err
	}
	suite := exec.Command(program)
	// All tests sign up and in from one address, more often than a suite lets anybody.
	suite.Env = append(os.Environ(), "TESSERA_HOME="+filepath.Join(home, "data"), "TESSERA_LISTEN="+listen, "TESSERA_LIMITS=off")
	suite.Stdout, suite.Stderr = log, log
	// A group of its own, so that Ctrl-C in the terminal does not reach it before its tests are over.
	suite.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := suite.Start(); err != nil {
		return nil, err
	}
	over := make(chan struct{})
	go func() { _ = suite.Wait(); close(over) }()
	stop := func() {
		_ = suite.Process.Signal(os.Interrupt)
		select {
		case <-over:
		case <-time.After(time.Minute):
			_ = suite.Process.Kill()
			<-over
		}
		_ = log.Close()
		_ = os.RemoveAll(home)
	}
	for until := time.Now().Add(2 * time.Minute); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		text, _ := os.ReadFile(says)
		if strings.Contains(string(text), "Tessera is up") {
			address = "http://" + listen
			return stop, nil
		}
		select {
		case <-over:
			stop()
			return nil, fmt.Errorf("the suite did not start:\n%s", text)
		default:
		}
	}
	stop()
	return nil, fmt.Errorf("the suite did not start within two minutes")
}

func connect(t *testing.T, opts ...tessera.Option) *tessera.Client {
	t.Helper()
	if address == "" {
		t.Skip("no suite to test against: set TESSERA_URL to a running one, or TESSERA_ALL to the program `all`")
	}
	client, err := tessera.New(address, opts...)
	must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// A client that is signed in to a tenant of its own, and the user's address.
func signUp(t *testing.T) (*tessera.Client, string) {
	t.Helper()
	client := connect(t)
	slug := "t-" + uuid.NewString()[:18]
	request := &identityv1.SignUpRequest{
		CompanyName: "Test GmbH", Slug: slug, Email: slug + "@example.com", Password: password, BaseCurrency: "EUR",
	}
	_, err := client.SignUp(context.Background(), request)
	must(t, err)
	return client, request.Email
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
