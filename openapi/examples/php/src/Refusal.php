<?php

declare(strict_types=1);

namespace Copilot;

use Copilot\Generated\ApiException;
use Copilot\Generated\Model\ApiError;
use Throwable;

/** What an answer says that refuses a whole request. */
final class Refusal
{
    private function __construct(
        /** 0 when there was no answer. */
        public readonly int $status,
        /** `null` where the body is not an ApiError, as from a proxy. */
        public readonly ?string $reason,
    ) {
    }

    public static function of(ApiException $thrown): self
    {
        try {
            $reason = Json::read(Json::decode((string) $thrown->getResponseBody()), ApiError::class)['reason'];
        } catch (Throwable) {
            $reason = null;
        }
        return new self((int) $thrown->getCode(), $reason);
    }
}
