package com.example.copilot;

/**
 * A success that does not tell what it must. The events, all or some, were probably taken: sent again they count twice,
 * and not sent again those that were refused are lost. Decide which is worse for you.
 */
public final class Unreadable extends Exception {
    private static final long serialVersionUID = 1;

    Unreadable() {
        super("the status of a success, with an answer that cannot be read: the request may have been taken");
    }
}
