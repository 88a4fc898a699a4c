<?php

declare(strict_types=1);

namespace Copilot;

use Closure;
use Copilot\Generated\Model\ModelInterface;
use GuzzleHttp\Client;
use GuzzleHttp\Exception\ConnectException;
use GuzzleHttp\Exception\RequestException;
use GuzzleHttp\HandlerStack;
use GuzzleHttp\Psr7\Request;
use GuzzleHttp\Psr7\Uri;
use GuzzleHttp\Psr7\Utils;
use GuzzleHttp\Promise\PromiseInterface;
use Psr\Http\Message\RequestInterface;
use Psr\Http\Message\ResponseInterface;
use Psr\Http\Message\UriInterface;
use Throwable;

/** What both operations need around the generated client. */
final class Http
{
    /** Guzzle and curl send what goes to this machine to the proxy of the environment too. Empty means none. */
    private const NO_PROXY = ['proxy' => ''];

    /**
     * Connections that give up after a while and follow no redirect, which could lead the credentials elsewhere.
     *
     * The answer is judged here, before Guzzle and the generated code make of it an exception that holds its body.
     *
     * @param list<int> $successes what the contract knows as one; the generated code takes any status below 300
     * @param class-string<ModelInterface>|null $answer what a success must hold; the generated code reads anything
     */
    public static function client(Uri $endpoint, array $successes, ?string $answer): Client
    {
        $stack = HandlerStack::create();
        $stack->push(
            static fn (callable $send): Closure =>
            static fn (RequestInterface $request, array $options): PromiseInterface => $send($request, $options)->then(
                static fn (ResponseInterface $got): ResponseInterface => self::judged($got, $successes, $answer),
                static fn (mixed $why): never =>
                    throw new NoAnswer(self::server($request->getUri()), self::words($why)),
            ),
        );
        return new Client([
            'handler' => $stack,
            'allow_redirects' => false,
            'connect_timeout' => 3,
            'timeout' => 10,
            ...(Endpoint::isLoopback($endpoint->getHost()) ? self::NO_PROXY : []),
        ]);
    }

    /** The generated request, to the whole URL that was configured, with its body as {@see Json} writes it. */
    public static function request(Request $generated, Uri $endpoint, ModelInterface $body): Request
    {
        $request = $generated->withUri($endpoint)->withBody(Utils::streamFor(Json::encode($body)));
        assert($request instanceof Request);
        return $request;
    }

    /** An address without what may be secret in it. */
    public static function server(UriInterface $uri): string
    {
        return $uri->getScheme() . '://' . $uri->getHost() . ($uri->getPort() === null ? '' : ':' . $uri->getPort());
    }

    /** Why a call failed, in words of our own: curl's may hold what a server sent. */
    public static function words(mixed $why): string
    {
        $of = $why instanceof ConnectException || $why instanceof RequestException ? $why->getHandlerContext() : [];
        return match ($of['errno'] ?? 0) {
            CURLE_COULDNT_RESOLVE_HOST => 'the host was not found',
            CURLE_COULDNT_CONNECT => 'it could not be connected to',
            CURLE_OPERATION_TIMEDOUT => 'it took too long',
            CURLE_SSL_CACERT => 'its certificate is not to be trusted',
            CURLE_SSL_CONNECT_ERROR => 'no secure connection could be made',
            default => 'the connection broke',
        };
    }

    /** Whether an answer is a page of HTML, which a portal or a proxy gave in place of Copilot.cx. */
    private static function isPage(ResponseInterface $response): bool
    {
        return str_starts_with(strtolower($response->getHeaderLine('Content-Type')), 'text/html');
    }

    /**
     * @param list<int> $successes
     * @param class-string<ModelInterface>|null $answer
     */
    private static function judged(ResponseInterface $response, array $successes, ?string $answer): ResponseInterface
    {
        $status = $response->getStatusCode();
        if ($status >= 300) {
            throw Refusal::of($response);
        }
        try {
            if ($answer !== null) {
                Json::read(Json::decode((string) $response->getBody()), $answer);
            }
            $readable = in_array($status, $successes, true) && !self::isPage($response);
        } catch (Throwable) {
            $readable = false;
        }
        return $readable ? $response : throw new Unreadable($status);
    }
}
