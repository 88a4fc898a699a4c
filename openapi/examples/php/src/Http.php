<?php

declare(strict_types=1);

namespace Copilot;

use Closure;
use Copilot\Generated\Model\ModelInterface;
use GuzzleHttp\Client;
use GuzzleHttp\HandlerStack;
use GuzzleHttp\Middleware;
use GuzzleHttp\Psr7\Request;
use GuzzleHttp\Psr7\Uri;
use GuzzleHttp\Psr7\Utils;
use InvalidArgumentException;
use Psr\Http\Message\ResponseInterface;
use Throwable;
use UnexpectedValueException;

/** What both operations need around the generated client. */
final class Http
{
    /**
     * Connections that give up after a while and follow no redirect, which could lead the credentials elsewhere.
     *
     * @param class-string<ModelInterface>|null $answer what a 200 must hold; the generated code reads anything as one
     * @param Closure|null $transport what to send with instead of curl, for tests
     */
    public static function client(?string $answer, ?Closure $transport = null): Client
    {
        $stack = HandlerStack::create($transport);
        if ($answer !== null) {
            $stack->push(Middleware::mapResponse(
                static fn (ResponseInterface $response): ResponseInterface => self::checked($response, $answer),
            ));
        }
        return new Client([
            'handler' => $stack,
            'allow_redirects' => false,
            'connect_timeout' => 10,
            'timeout' => 60,
        ]);
    }

    /**
     * The generated request, to the whole URL that was configured, with its body as {@see Json} writes it.
     *
     * @throws InvalidArgumentException when the generated rules, which nothing else calls, refuse the body
     */
    public static function request(Request $generated, string $endpoint, ModelInterface $body): Request
    {
        $faults = Json::faults($body);
        if ($faults !== []) {
            throw new InvalidArgumentException(implode("\n", $faults));
        }
        $request = $generated->withUri(new Uri($endpoint))->withBody(Utils::streamFor(Json::encode($body)));
        assert($request instanceof Request);
        return $request;
    }

    /** @param class-string<ModelInterface> $answer */
    private static function checked(ResponseInterface $response, string $answer): ResponseInterface
    {
        if ($response->getStatusCode() === 200) {
            try {
                Json::read(Json::decode((string) $response->getBody()), $answer);
            } catch (Throwable $wrong) {
                throw new UnexpectedValueException('the answer is not as the contract describes it', 0, $wrong);
            }
        }
        return $response;
    }
}
