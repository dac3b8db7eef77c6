package tessera

import (
	"context"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Page is an answer that knows where the next one begins.
type Page interface {
	proto.Message
	GetNextPageToken() string
}

// Method is a method of a generated client.
type Method[Request proto.Message, Response any] func(context.Context, Request, ...grpc.CallOption) (Response, error)

// Pages are all pages of a List or Search method, fetched one by one. The first error is the last thing yielded.
func Pages[Request proto.Message, Response Page](
	ctx context.Context, list Method[Request, Response], request Request,
) iter.Seq2[Response, error] {
	return func(yield func(Response, error) bool) {
		following := proto.CloneOf(request)
		token := following.ProtoReflect().Descriptor().Fields().ByName("page_token")
		for {
			page, err := list(ctx, following)
			if !yield(page, err) || err != nil || page.GetNextPageToken() == "" {
				return
			}
			following.ProtoReflect().Set(token, protoreflect.ValueOfString(page.GetNextPageToken()))
		}
	}
}

// All is what is on all pages; records picks it out of one, such as (*crmv1.ListAccountsResponse).GetAccounts.
func All[Request proto.Message, Response Page, Record any](
	ctx context.Context, list Method[Request, Response], request Request, records func(Response) []Record,
) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for page, err := range Pages(ctx, list, request) {
			if err != nil {
				var none Record
				yield(none, err)
				return
			}
			for _, record := range records(page) {
				if !yield(record, nil) {
					return
				}
			}
		}
	}
}
