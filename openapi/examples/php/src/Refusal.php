<?php

declare(strict_types=1);

namespace Copilot;

use Copilot\Generated\Model\ErrorBody;
use Psr\Http\Message\ResponseInterface;
use RuntimeException;
use Throwable;

/**
 * An answer that refuses a whole request: nothing of it was taken. 408, 429 and 5XX may be sent again later. The body
 * of the answer is not kept: it may quote personal data.
 */
final class Refusal extends RuntimeException
{
    private function __construct(
        public readonly int $status,
        /** `null` where the body is not an ErrorBody, as from a proxy. */
        public readonly ?string $reason,
        /** The header of that name. */
        public readonly ?string $retryAfter,
    ) {
        // A server may write anything there, what was sent to it too: only a code is told.
        $code = preg_match('/^[A-Z][A-Z0-9_.]*$/D', $reason ?? '') === 1 ? $reason : 'no reason given';
        parent::__construct("refused with status $status, $code");
    }

    public static function of(ResponseInterface $response): self
    {
        try {
            $reason = Json::read(Json::decode((string) $response->getBody()), ErrorBody::class)['reason'];
        } catch (Throwable) {
            $reason = null;
        }
        return new self($response->getStatusCode(), $reason, $response->getHeader('Retry-After')[0] ?? null);
    }
}
