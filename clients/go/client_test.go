package tessera_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	tessera "tessera.example/client"
	crmv1 "tessera.example/client/erp/crm/v1"
	identityv1 "tessera.example/client/erp/identity/v1"
)

func create(t *testing.T, client *tessera.Client, name string) *crmv1.Account {
	t.Helper()
	request := &crmv1.CreateAccountRequest{Account: &crmv1.Account{DisplayName: name}}
	made, err := client.Accounts.CreateAccount(t.Context(), request)
	must(t, err)
	if request.RequestId != "" {
		t.Fatal("the caller's own message was changed")
	}
	return made
}

func failed(t *testing.T, err error, code codes.Code, domain, reason string) *tessera.Error {
	t.Helper()
	var failure *tessera.Error
	if !errors.As(err, &failure) || failure.Code != code || failure.Domain != domain || failure.Reason != reason {
		t.Fatalf("want %v %s/%s, got %v", code, domain, reason, err)
	}
	if status.Code(err) != code {
		t.Fatalf("grpc's own functions find %v", status.Code(err))
	}
	return failure
}

// What a newcomer copies from the README must work as it stands; only address and login are put in.
func TestReadme(t *testing.T) {
	_, email := signUp(t)
	text, err := os.ReadFile("README.md")
	must(t, err)
	_, rest, _ := strings.Cut(string(text), "```go\n")
	program, _, _ := strings.Cut(rest, "```")
	program = strings.NewReplacer("http://127.0.0.1:8080", address, "demo@tessera.example", email,
		"the password that the suite printed", password).Replace(program)
	folder, err := os.MkdirTemp(".", "_readme")
	must(t, err)
	defer func() { _ = os.RemoveAll(folder) }()
	must(t, os.WriteFile(filepath.Join(folder, "main.go"), []byte(program), 0o600))
	output, err := exec.CommandContext(t.Context(), "go", "run", "./"+folder).CombinedOutput()
	if want := "InvalidArgument INVALID_FIELD account.display_name\naccount.created\n"; err != nil || string(output) != want {
		t.Fatalf("%v\n%s", err, output)
	}
}

// Every service of the contracts must have its field, and no field may be empty.
func TestServices(t *testing.T) {
	client, err := tessera.New("http://127.0.0.1:1")
	must(t, err)
	defer func() { _ = client.Close() }()
	fields, there := reflect.ValueOf(client.Services), map[string]bool{}
	for at := range fields.NumField() {
		if fields.Field(at).IsNil() {
			t.Errorf("%s is empty", fields.Type().Field(at).Name)
		}
		there[fields.Type().Field(at).Type.Name()] = true
	}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for at := range file.Services().Len() {
			name := string(file.Services().Get(at).Name()) + "Client"
			if strings.HasPrefix(string(file.Package()), "erp.") && !there[name] {
				t.Errorf("%s has no field", name)
			}
		}
		return true
	})
}

// An update with a mask must change what it names alone, and one with a stale etag nothing.
func TestUpdate(t *testing.T) {
	client, _ := signUp(t)
	made := create(t, client, "Acme")
	request := &crmv1.UpdateAccountRequest{
		Account:    &crmv1.Account{Id: made.Id, DisplayName: "not to be taken", Phone: "2", Etag: made.Etag},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"phone"}},
	}
	changed, err := client.Accounts.UpdateAccount(t.Context(), request)
	must(t, err)
	if changed.DisplayName != "Acme" || changed.Phone != "2" || changed.Etag == made.Etag {
		t.Fatal(changed)
	}
	_, err = client.Accounts.UpdateAccount(t.Context(), request)
	failed(t, err, codes.Aborted, "erp", "STALE_ETAG")
}

// A validation error must name every field that breaks a rule.
func TestViolations(t *testing.T) {
	client, _ := signUp(t)
	wrong := &crmv1.Account{Code: proto.String(strings.Repeat("x", 41)), ParentId: proto.String("nobody")}
	_, err := client.Accounts.CreateAccount(t.Context(), &crmv1.CreateAccountRequest{Account: wrong})
	failure := failed(t, err, codes.InvalidArgument, "erp", "INVALID_FIELD")
	fields := map[string]bool{}
	for _, violation := range failure.Violations {
		fields[violation.Field] = violation.Description != ""
	}
	want := map[string]bool{"account.display_name": true, "account.code": true, "account.parent_id": true}
	if !reflect.DeepEqual(fields, want) {
		t.Fatal(fields)
	}
}

// 120 records in pages of 50 must be three pages that hold each record once, in order.
func TestPages(t *testing.T) {
	client, _ := signUp(t)
	for number := range 120 {
		create(t, client, fmt.Sprintf("Company %03d", number))
	}
	request := &crmv1.ListAccountsRequest{PageSize: 50, OrderBy: "display_name"}
	var sizes []int
	for page, err := range tessera.Pages(t.Context(), client.Accounts.ListAccounts, request) {
		must(t, err)
		sizes = append(sizes, len(page.Accounts))
	}
	if !reflect.DeepEqual(sizes, []int{50, 50, 20}) {
		t.Fatal(sizes)
	}
	number, records := 0, (*crmv1.ListAccountsResponse).GetAccounts
	for account, err := range tessera.All(t.Context(), client.Accounts.ListAccounts, request, records) {
		must(t, err)
		if want := fmt.Sprintf("Company %03d", number); account.DisplayName != want {
			t.Fatalf("%s instead of %s", account.DisplayName, want)
		}
		number++
	}
	if number != 120 || request.PageToken != "" {
		t.Fatal(number, request)
	}
}

// One tenant must not even learn that another one's record exists.
func TestOtherTenant(t *testing.T) {
	ours, _ := signUp(t)
	theirs, _ := signUp(t)
	made := create(t, ours, "Ours")
	_, err := theirs.Accounts.GetAccount(t.Context(), &crmv1.GetAccountRequest{Id: made.Id})
	failed(t, err, codes.NotFound, "erp", "NOT_FOUND")
}

// Every script must survive storing, code point by code point.
func TestUnicode(t *testing.T) {
	client, _ := signUp(t)
	for _, name := range []string{"Müller & Söhne", "株式会社テセラ", "שלום עולם", "🧩👩‍👩‍👧‍👦", "e\u0301 is not é"} {
		made := create(t, client, name)
		found, err := client.Accounts.GetAccount(t.Context(), &crmv1.GetAccountRequest{Id: made.Id})
		must(t, err)
		if found.DisplayName != name {
			t.Fatalf("%q instead of %q", found.DisplayName, name)
		}
	}
}

// The same request id must return the first answer, and must be refused for another payload.
func TestRequestID(t *testing.T) {
	client, _ := signUp(t)
	request := &crmv1.CreateAccountRequest{Account: &crmv1.Account{DisplayName: "Once"}, RequestId: uuid.NewString()}
	first, err := client.Accounts.CreateAccount(t.Context(), request)
	must(t, err)
	again, err := client.Accounts.CreateAccount(t.Context(), request)
	must(t, err)
	if !proto.Equal(first, again) {
		t.Fatal(again)
	}
	request.Account.DisplayName = "Other"
	_, err = client.Accounts.CreateAccount(t.Context(), request)
	failed(t, err, codes.AlreadyExists, "erp", "REQUEST_ID_REUSED")
}

// Twenty goroutines that meet an expired token must spend the refresh token once: a second time would end the session.
func TestRefresh(t *testing.T) {
	first, _ := signUp(t)
	knows := first.Tokens()
	knows.AccessExpireTime = timestamppb.New(time.Now().Add(5 * time.Second))
	second, _ := signUp(t)
	unaware := second.Tokens()
	unaware.AccessToken = "no longer a token"
	for name, expired := range map[string]*tessera.TokenPair{"client knows": knows, "only suite knows": unaware} {
		t.Run(name, func(t *testing.T) {
			var seen []string
			listener := tessera.OnTokens(func(pair *tessera.TokenPair) { seen = append(seen, pair.RefreshToken) })
			client := connect(t, tessera.WithTokens(expired), listener)
			var all sync.WaitGroup
			start := make(chan struct{})
			for range 20 {
				all.Go(func() {
					<-start
					if _, err := client.Auth.GetCurrentUser(t.Context(), &identityv1.GetCurrentUserRequest{}); err != nil {
						t.Error(err)
					}
				})
			}
			close(start)
			all.Wait()
			must(t, client.Refresh(t.Context()))
			if len(seen) != 3 || seen[0] == seen[1] {
				t.Fatalf("%d pairs; want the one given, one renewed, one more by hand", len(seen))
			}
		})
	}
}

// A copied session must end with the suite's reason, and from then on ask to sign in.
func TestReuse(t *testing.T) {
	client, email := signUp(t)
	thief := connect(t, tessera.WithTokens(client.Tokens()))
	must(t, client.Refresh(t.Context()))
	failed(t, thief.Refresh(t.Context()), codes.Unauthenticated, "erp.identity", "REFRESH_TOKEN_REUSED")
	_, err := thief.Accounts.ListAccounts(t.Context(), &crmv1.ListAccountsRequest{})
	failed(t, err, codes.Unauthenticated, "erp", "UNAUTHENTICATED")
	_, err = thief.Login(t.Context(), email, "not the password", "")
	failed(t, err, codes.Unauthenticated, "erp.identity", "CREDENTIALS_WRONG")
	_, err = thief.Login(t.Context(), email, password, "")
	must(t, err)
	must(t, thief.Logout(t.Context()))
	if thief.Tokens() != nil {
		t.Fatal("still signed in")
	}
}

// A call must end at its deadline, and one to nobody soon, without losing the session.
func TestDeadlineAndNobody(t *testing.T) {
	client, _ := signUp(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0") // takes what comes, and never answers
	must(t, err)
	defer func() { _ = listener.Close() }()
	silent, err := tessera.New("http://" + listener.Addr().String())
	must(t, err)
	defer func() { _ = silent.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = silent.Auth.GetJwks(ctx, &identityv1.GetJwksRequest{})
	if tessera.CodeOf(err) != codes.DeadlineExceeded || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	nowhere, err := tessera.New("http://127.0.0.1:9", tessera.WithTokens(client.Tokens()))
	must(t, err)
	defer func() { _ = nowhere.Close() }()
	if err := nowhere.Refresh(t.Context()); tessera.CodeOf(err) != codes.Unavailable || nowhere.Tokens() == nil {
		t.Fatal(err)
	}
}

// Whether a password travels in the clear must be said, not guessed.
func TestAddress(t *testing.T) {
	for _, wrong := range []string{"127.0.0.1:8080", "ftp://host", "http://", "http://host/path", ""} {
		if _, err := tessera.New(wrong); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
}
